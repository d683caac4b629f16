"""What files say of an encoder: the name of one that is registered, or a description in full.

``kind`` says what the rest describes. Readers refuse what they do not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any

from search_space.backbone import Backbone
from search_space.backbone_encoder import BackboneEncoder
from search_space.encoders import ENCODERS, EncoderSpec, encoder
from search_space.errors import UserError
from search_space.fields import check, check_type, mapping, short
from search_space.scales import Scale

DEEPEST = 8
"""Encoders that stand on each other, at most."""
MOST_REPEATS = 1000
"""Of a block: more takes minutes to be counted."""

Written = Callable[[Backbone], dict[str, Any]]
Read = Callable[[Mapping[str, Any]], Backbone]
"""How a backbone is written and read: ``architecture_file.to_dict`` and ``from_dict``."""


@dataclass(frozen=True)
class _Kind:
    spec: type[Any]
    written: Callable[[Any, Written], dict[str, Any]]
    read: Callable[[Mapping[str, Any], Read], EncoderSpec]


def to_value(spec: EncoderSpec, written: Written) -> str | dict[str, Any]:
    """Plain types: the name of a registered encoder, or the description of any other."""
    if spec.name in ENCODERS:
        return spec.name
    kind = next(name for name, each in KINDS.items() if isinstance(spec, each.spec))
    return {"kind": kind, **KINDS[kind].written(spec, written)}


def from_value(value: object, read: Read) -> EncoderSpec:
    """The inverse of ``to_value``.

    Raises:
        UserError: naming the key and the rule that it breaks.
    """
    if isinstance(value, str):
        return encoder(value)
    _check_depth(value)
    said = dict(mapping(value, "encoder: "))
    kind = said.pop("kind", None)
    if not isinstance(kind, str) or kind not in KINDS:
        raise UserError(f"encoder: kind must be one of {', '.join(KINDS)} but got {short(kind)}")
    try:
        return KINDS[kind].read(said, read)
    except UserError as error:
        raise UserError(f"encoder: {str(error).removeprefix('encoder: ')}") from None


def _check_depth(value: object) -> None:
    """UserError for encoders on encoders without end: reading them would run out of stack."""
    for _ in range(DEEPEST):
        if not isinstance(value, Mapping) or not isinstance(value.get("backbone"), Mapping):
            return
        value = value["backbone"].get("encoder")
    raise UserError(f"encoder: at most {DEEPEST} encoders may stand on each other")


def normalisation(said: Mapping[str, Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """``mean`` and ``std`` of a description, both or neither. UserError for other ones."""
    found = {name: tuple(said.get(name, ())) for name in ("mean", "std")}
    for name, values in found.items():
        for value in values:
            check_type(value, float, name)
    if len(found["mean"]) != len(found["std"]) or not all(value > 0 for value in found["std"]):
        raise UserError("mean and std: a number a channel each, those of std above 0")
    return found["mean"], found["std"]


def stated_normalisation(spec: EncoderSpec) -> dict[str, list[float]]:
    """As files have it; empty where there is none."""
    return {"mean": list(spec.mean), "std": list(spec.std)} if spec.mean else {}


def _written_backbone(spec: BackboneEncoder, written: Written) -> dict[str, Any]:
    usual = Scale()
    scale = {n: v for n, v in asdict(spec.scale).items() if v != getattr(usual, n)}
    return {
        "title": spec.title,
        **stated_normalisation(spec),
        "scale": scale,
        "backbone": written(spec.backbone),
    }


def _read_backbone(said: Mapping[str, Any], read: Read) -> BackboneEncoder:
    required, optional = {"backbone": dict}, {"title": str, "mean": list, "std": list}
    said = check(said, "", required, {**optional, "scale": dict})
    kinds = {each.name: type(each.default) for each in fields(Scale)} | {"stem_filters": int}
    scale = Scale(**check(said.get("scale", {}), "scale: ", {}, kinds))
    if not isfinite(scale.filters) or scale.repeats > MOST_REPEATS:
        raise UserError(f"scale: filters must be finite, and repeats at most {MOST_REPEATS}")
    mean, std = normalisation(said)
    title = said.get("title", BackboneEncoder.title)
    return BackboneEncoder(read(said["backbone"]), scale, title, mean, std)


KINDS: Mapping[str, _Kind] = {
    "backbone": _Kind(BackboneEncoder, _written_backbone, _read_backbone),
}
"""``kind`` in a description -> how it is written and read."""
