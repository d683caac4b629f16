"""The values of attributes among which a space chooses: of its blocks, and of whole networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING
from typing import Any

from search_space import fields
from search_space.architecture import ATTRIBUTES, NETWORK_ATTRIBUTES, Architecture
from search_space.errors import UserError

Choices = tuple[tuple[str, tuple[Any, ...]], ...]
"""Pairs of an attribute's name and values of it."""
Offers = Mapping[str, tuple[Any, ...]]
"""Attribute -> all values that a block can have of it, in the order of the attributes."""

_FREE = {each.name: each for each in (*ATTRIBUTES, *NETWORK_ATTRIBUTES) if not each.original}
"""Attributes that a space may leave at their default, and that no parameter of its own names."""


def offers(dilations: tuple[int, ...], choices: Choices) -> Offers:
    """Of every attribute but the level, which goes by the reach of a space's blocks. The default
    alone of an attribute that is not chosen, every value of one that has no default."""
    chosen = {"dilation": dilations, **dict(choices)}
    return {
        each.name: chosen.get(
            each.name, tuple(each.values) if each.default is MISSING else (each.default,)
        )
        for each in ATTRIBUTES
        if each.name != "level"
    }


def network_offers(choices: Choices) -> Offers:
    """Of every attribute of a whole network; the default alone where it is not chosen."""
    chosen = dict(choices)
    return {each.name: chosen.get(each.name, (each.default,)) for each in NETWORK_ATTRIBUTES}


def network_varied(choices: Choices) -> Offers:
    """Those of a whole network that count as decisions."""
    return {name: offered for name, offered in network_offers(choices).items() if len(offered) > 1}


def chosen(offered: Offers, values: Mapping[str, int]) -> dict[str, Any]:
    """Attributes of a whole network by the places of their values; the first where none is told."""
    return {name: among[values.get(name, 0)] for name, among in offered.items()}


def places(offered: Offers, architecture: Architecture) -> dict[str, int]:
    """The inverse of ``chosen``. UserError, naming the attribute, for a value not offered."""
    for name, among in offered.items():
        if (value := getattr(architecture, name)) not in among:
            raise UserError(f"{name} must be one of {list(among)} but got {value}")
    return {name: among.index(getattr(architecture, name)) for name, among in offered.items()}


def usual(offered: Offers) -> dict[str, Any]:
    """Of attributes of a whole network the default where it is offered, else the first value."""
    return {
        each.name: each.default if each.default in offered[each.name] else offered[each.name][0]
        for each in NETWORK_ATTRIBUTES
    }


def varied(offered: Offers) -> Offers:
    """Those that count as decisions: see Attribute.original."""
    return {
        each.name: offered[each.name]
        for each in ATTRIBUTES
        if each.name in offered and (each.original or len(offered[each.name]) > 1)
    }


def as_choices(given: Mapping[str, Iterable[Any]] | Iterable[Any]) -> Choices:
    """Raises TypeError or ValueError unless these are pairs, or a mapping, of names and values."""
    return tuple(sorted((name, tuple(values)) for name, values in dict(given).items()))


def check_choices(choices: Choices) -> None:
    """UserError, naming the attribute, for one that cannot be chosen, or not with such values."""
    for name, values in choices:
        if name not in _FREE:
            known = ", ".join(_FREE)
            raise UserError(
                f"choices: unknown attribute {fields.short(name)}: write one of {known}"
            )
        for value in values:
            fields.check_type(value, _FREE[name].kind, f"choices: {name}")
            _FREE[name].check(value)
        if not values or len(set(values)) < len(values):
            raise UserError(f"choices: {name} must have values, each once, but got {list(values)}")
