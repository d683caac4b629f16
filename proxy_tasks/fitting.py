"""What of a file of weights fits a network, and what is left: the backbone whole, and those layers
of the head that have the same shape in both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from proxy_tasks.networks import Segmenter
from proxy_tasks.networks.deeplab import ASPP
from proxy_tasks.networks.first_layer import for_channels
from proxy_tasks.networks.torchvision import RATES, STRIDE, by_our_names, of_deeplab
from proxy_tasks.weights_file import WeightsFile
from search_space.backbone import Backbone, bare, encoder_of
from search_space.canonical import canonical_key
from search_space.errors import UserError
from search_space.resnet import DilatedResNet

BACKBONE, ENCODER = "backbone.", "backbone.encoder."
"""What the names of their tensors begin with."""
CLASSIFIER = "classifier."


@dataclass(frozen=True)
class Fit:
    """``met``: our name -> tensor, of so many as are ``there`` in the file. ``left``: in words,
    what of the file has no place; ``drawn``: parts of the network that the file has nothing for,
    and that so keep the weights that were drawn; ``notes``: what is otherwise than in the file
    although its tensors fit. ``encoder``: of the backbone only the encoder was met."""

    met: Mapping[str, Tensor]
    there: int
    left: tuple[str, ...]
    drawn: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())
    encoder: bool = False

    def told(self, file: WeightsFile) -> str:
        """In one line."""
        parts = [f"weights: {len(self.met)} of {self.there} tensors from {file.path}"]
        if self.left:
            parts.append(f"left: {', '.join(self.left)}")
        if self.drawn:
            parts.append(f"drawn anew: {', '.join(self.drawn)}")
        return "; ".join([*parts, *self.notes])


def fit(network: Segmenter, backbone: Backbone, file: WeightsFile) -> Fit:
    """What of the file a network on this backbone takes; nothing is loaded.

    Raises:
        UserError: for the weights of another backbone, unless both stand on one encoder: then of
            the backbone the encoder alone is met.
    """
    names, whole = _names(backbone, file)
    wanted = dict(network.state_dict())
    found = {ours: file.tensors[theirs] for theirs, ours in names.items()}
    found = {name: for_channels(name, value, wanted) for name, value in found.items()}
    part = BACKBONE if whole else ENCODER
    _check_backbone(part, found, wanted, file)
    misfits = {_layer(name) for name in found if not _fits(name, found, wanted)}
    met = {
        name: value
        for name, value in found.items()
        if _layer(name) not in misfits and (whole or not _other_block(name))
    }
    left = [theirs for theirs in file.tensors if names.get(theirs) not in met]
    drawn = _parts(name for name in wanted if name not in met)
    return Fit(
        met,
        len(file.tensors),
        tuple(_left(left, names, file, wanted)),
        drawn,
        tuple(_notes(network, backbone, file)),
        encoder=not whole,
    )


def load(network: Segmenter, found: Fit) -> None:
    """Copy what was met into the network, whose other tensors stay."""
    network.load_state_dict({**network.state_dict(), **found.met})


def _names(backbone: Backbone, file: WeightsFile) -> tuple[dict[str, str], bool]:
    """Name in the file -> ours, of what has one; and whether the whole backbone is there."""
    if file.backbone is None:
        return by_our_names(file.tensors, backbone, str(file.path))
    if bare(file.backbone) == bare(backbone):
        return {name: name for name in file.tensors}, True
    own, there = encoder_of(backbone), encoder_of(file.backbone)
    if own and there and own.name == there.name:
        return {name: name for name in file.tensors}, False
    raise UserError(
        f"{file.path}: the weights are of another backbone, with the key"
        f" {canonical_key(file.backbone)}, not {canonical_key(backbone)}"
    )


def _check_backbone(
    part: str, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], file: WeightsFile
) -> None:
    """UserError for the first tensor of the backbone that is missing or has another shape."""
    for name, value in wanted.items():
        if not name.startswith(part):
            continue
        if name not in found:
            raise UserError(f"{file.path}: {name} is missing, so it is of another backbone")
        if found[name].shape != value.shape:
            shapes = f"{tuple(found[name].shape)}, not {tuple(value.shape)}"
            usual = "of another scale"
            if file.backbone is None:
                usual = "of another ResNet, or the scale here is not S49, as torchvision's is"
            raise UserError(f"{file.path}: {name} has shape {shapes}: {usual}")


def _other_block(name: str) -> bool:
    """Whether it is of a backbone's part that another spec need not have meant."""
    return name.startswith(BACKBONE) and not name.startswith(ENCODER)


def _fits(name: str, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> bool:
    return name in wanted and found[name].shape == wanted[name].shape


def _layer(name: str) -> str:
    """A convolution and its batch norm are one, as are weights and biases."""
    module = name.rpartition(".")[0]
    above, _, last = module.rpartition(".")
    return above if last.isdecimal() and above else module


def _parts(names: Iterable[str]) -> tuple[str, ...]:
    """Of the network, each once; of its backbone the blocks."""
    first = (name.split(".") for name in names)
    return tuple(dict.fromkeys(f"{a}.{b}" if a == "backbone" else a for a, b, *_ in first))


def _left(
    left: Sequence[str], names: Mapping[str, str], file: WeightsFile, wanted: Mapping[str, Tensor]
) -> Iterable[str]:
    """Parts of the file, by its own names, each with a reason."""
    kept = {_first(name) for name in file.tensors if name not in set(left)}
    said: dict[str, str] = {}
    for theirs in left:
        ours, whole = names.get(theirs, ""), _first(theirs) not in kept
        part = _first(theirs) if whole else theirs.rpartition(".")[0]
        there, here = file.tensors[theirs].shape, wanted[ours].shape if ours in wanted else None
        if here is None:
            said.setdefault(part, "no place here")
        elif there != here:
            said.setdefault(part, _shapes(there, here, ours, whole))
    return [f"{name} ({why})" for name, why in said.items()]


def _first(name: str) -> str:
    """The part that it is of; of a backbone, the stage."""
    parts = name.split(".")
    return ".".join(parts[: 2 if parts[0] == "backbone" else 1])


def _shapes(there: Sequence[int], here: Sequence[int], ours: str, whole: bool) -> str:
    if ours.startswith(CLASSIFIER):
        return f"{there[0]} classes there, {here[0]} here"
    if whole:
        return "other shapes here"
    return f"{tuple(there)} there, {tuple(here)} here"


def _notes(network: Segmenter, backbone: Backbone, file: WeightsFile) -> Iterable[str]:
    """What a state dict of torchvision's DeepLabv3 does not say."""
    if file.backbone is not None or not of_deeplab(file.tensors):
        return
    if isinstance(backbone, DilatedResNet) and backbone.output_stride != STRIDE:
        yield f"its output stride is {STRIDE}, here {backbone.output_stride}"
    for module in network.modules():
        if isinstance(module, ASPP) and module.rates != RATES:
            yield f"its atrous rates are {_listed(RATES)}, here {_listed(module.rates)}"


def _listed(rates: Iterable[int]) -> str:
    return " ".join(map(str, rates))
