"""Weights from torchvision's DeepLabv3 on a ResNet: the same network under other names.

torchvision itself is not needed: a state dict that it saved is enough. Strides and atrous rates are
no part of it, and other ones would take the weights without a word: a network has to have
torchvision's, those that we build for 513 pixels at output stride 8.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from proxy_tasks.networks.deeplab import DeepLabV3
from proxy_tasks.networks.resnet import DilatedResNetBackbone
from proxy_tasks.networks.torchvision_resnet import blocks_of, resnet_modules
from search_space.backbone import Backbone, encoder_of
from search_space.encoders import ResNet
from search_space.errors import UserError
from search_space.resnet import DilatedResNet

STRIDE, RATES = 8, (12, 24, 36)
"""Output stride and atrous rates of all of torchvision's DeepLabv3."""

HEAD = {
    "classifier.0.convs.4.1": "aspp.pooled.0",
    "classifier.0.convs.4.2": "aspp.pooled.1",
    "classifier.0.project.0": "aspp.project.0",
    "classifier.0.project.1": "aspp.project.1",
    "classifier.1": "decoder.0",
    "classifier.2": "decoder.1",
    "classifier.4": "classifier",
    "aux_classifier.0": "auxiliary.0.0",
    "aux_classifier.1": "auxiliary.0.1",
    "aux_classifier.4": "auxiliary.2",
}
"""torchvision's module -> ours, behind the backbone and beside the pyramid's branches."""


@dataclass(frozen=True)
class Layout:
    """Where a ResNet stands in our network: the part of the backbone that it is ``inside``, our
    names of its ``stages``, and how many ``convolutions`` a block has."""

    inside: str
    stages: tuple[str, ...]
    convolutions: int


DILATED = Layout("", ("stages.0", "stages.1", "stages.2", "stages.3"), convolutions=3)
"""That of a baseline."""
LAST = "classifier.4.weight"
"""Of the layer that puts out the logits."""


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of torchvision's state dict under our names; auxiliary ones where it has them.

    Raises:
        UserError: naming the first key that is not one of torchvision's DeepLabv3.
    """
    ours = _modules(blocks_of(state))
    found = {}
    for key, value in state.items():
        if key.rpartition(".")[0] not in ours:
            raise UserError(f"{key}: not a key of torchvision's DeepLabv3 on a ResNet")
        found[_renamed(key, ours)] = value
    return found


def of_deeplab(state: Mapping[str, Tensor]) -> bool:
    """Whether a state dict is of a whole DeepLabv3, and not of a ResNet that classifies images."""
    return "backbone.conv1.weight" in state


def by_our_names(
    state: Mapping[str, Tensor], backbone: Backbone, where: str
) -> tuple[dict[str, str], bool]:
    """Name in a state dict of torchvision, of DeepLabv3 or of a ResNet that classifies ImageNet ->
    ours in a network on this backbone; names that have none are left out. And whether its whole
    backbone is there.

    Raises:
        UserError: beginning with ``where``, for a backbone that is no such ResNet.
    """
    if isinstance(backbone, DilatedResNet):
        blocks, whole, layout = backbone.stages, True, DILATED
    elif isinstance(spec := encoder_of(backbone), ResNet):
        stages = tuple(f"levels.{level}" for level in spec.levels)
        blocks, whole = spec.blocks, False
        layout = Layout("encoder.", stages, convolutions=3 if spec.block == "bottleneck" else 2)
    else:
        raise UserError(f"{where}: the weights are of a ResNet, and this network stands on none")
    if (there := blocks_of(state)) != list(blocks):
        raise UserError(
            f"{where}: the weights are of a ResNet of {_counts(there)} blocks, and this one has"
            f" {_counts(blocks)}"
        )
    ours, prefix = _modules(there, layout), "" if of_deeplab(state) else "backbone."
    modules = {key: f"{prefix}{key}".rpartition(".")[0] for key in state}
    return {
        key: f"{ours[module]}.{key.rpartition('.')[2]}"
        for key, module in modules.items()
        if module in ours
    }, whole


def load_torchvision(network: DeepLabV3, state: Mapping[str, Tensor]) -> None:
    """Copy torchvision's weights into a network of the same depth, width and classes.

    Tensors of an auxiliary head are left out where the network has none.

    Raises:
        UserError: naming the first key that is unknown, missing or of another shape; or for a
            network that torchvision does not have, that of another output stride or other atrous
            rates among them. The network is as it was then.
    """
    backbone = check_whole(network)
    if network.auxiliary is None:
        state = {key: value for key, value in state.items() if not key.startswith("aux_")}
    found = from_torchvision(state)
    blocks = [len(list(stage.children())) for stage in backbone.stages]
    theirs = {ours: name for name, ours in _modules(blocks).items()}
    wanted = {_renamed(key, theirs): value for key, value in network.state_dict().items()}
    _check(state, wanted, f"in a network of {blocks} blocks")
    network.load_state_dict(found)


def classes_of(state: Mapping[str, Tensor]) -> int:
    """UserError for a state dict without a classifier of pixels."""
    if LAST not in state:
        raise UserError(
            f"{LAST} is missing: torchvision's DeepLabv3 has it, a ResNet alone does not"
        )
    return len(state[LAST])


def check_whole(network: DeepLabV3) -> DilatedResNetBackbone:
    """Its backbone, where it is a network that torchvision has. UserError for any other."""
    backbone = network.backbone
    kind: type[object] = type(network)
    if not isinstance(backbone, DilatedResNetBackbone) or kind is not DeepLabV3:
        raise UserError("torchvision's weights are of DeepLabv3 on a ResNet: build one of those")
    stride, rates = 2**backbone.level, network.aspp.rates
    if (stride, rates) != (STRIDE, RATES):
        raise UserError(
            f"torchvision's weights are of output stride {STRIDE} and atrous rates"
            f" {', '.join(map(str, RATES))}, but this network has {stride} and"
            f" {', '.join(map(str, rates))}: build one of output stride {STRIDE} for 513x513"
        )
    return backbone


def _check(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], where: str) -> None:
    for key, value in wanted.items():
        if key not in state:
            raise UserError(f"{key}: is missing, and needed {where}")
        if state[key].shape != value.shape:
            shapes = f"{tuple(value.shape)} but got {tuple(state[key].shape)}"
            raise UserError(f"{key}: the shape must be {shapes}")
    for key in state:
        if key not in wanted:
            raise UserError(f"{key}: has no place {where}")


def _renamed(key: str, modules: Mapping[str, str]) -> str:
    module, _, name = key.rpartition(".")
    return f"{modules[module]}.{name}"


def _counts(stages: Sequence[int]) -> str:
    return "-".join(map(str, stages))


def _modules(blocks: Sequence[int], layout: Layout = DILATED) -> dict[str, str]:
    """Name of each module with weights -> its name in our network."""
    pyramid = {
        f"classifier.0.convs.{branch}.{part}": f"aspp.branches.{branch}.{part}"
        for branch in range(4)
        for part in range(2)
    }
    names = resnet_modules(blocks, layout.stages, layout.convolutions)
    inside = f"backbone.{layout.inside}"
    backbone = {f"backbone.{theirs}": f"{inside}{ours}" for theirs, ours in names}
    return backbone | pyramid | HEAD
