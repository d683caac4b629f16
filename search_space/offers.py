"""The values of a block's attributes among which a space chooses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING
from typing import Any

from search_space import fields
from search_space.architecture import ATTRIBUTES
from search_space.errors import UserError

Choices = tuple[tuple[str, tuple[Any, ...]], ...]
"""Pairs of an attribute's name and values of it."""
Offers = Mapping[str, tuple[Any, ...]]
"""Attribute -> all values that a block can have of it, in the order of the attributes."""

_FREE = {each.name: each for each in ATTRIBUTES if not each.original}
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
            known = f"write one of {', '.join(_FREE)}" if _FREE else "none was added to Block"
            raise UserError(f"choices: unknown attribute {fields.short(name)}: {known}")
        for value in values:
            fields.check_type(value, _FREE[name].kind, f"choices: {name}")
            _FREE[name].check(value)
        if not values or len(set(values)) < len(values):
            raise UserError(f"choices: {name} must have values, each once, but got {list(values)}")
