"""A block in few characters, for diagrams and tables that show its level and type by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from search_space.architecture import (
    ATTRIBUTES,
    NETWORK_ATTRIBUTES,
    Architecture,
    Block,
    Feature,
    stated_of_network,
)
from search_space.attributes import Attribute

SIGNED = tuple(each for each in ATTRIBUTES if each.name not in ("level", "type"))
"""The attributes that a sign and a value show."""


def signs(block: Block) -> list[str]:
    """``d2`` for a dilation of 2; later attributes only where they do not have their default."""
    return [sign(each, getattr(block, each.name)) for each in SIGNED if _shows(block, each)]


def sign(attribute: Attribute, value: Any) -> str:
    """What is true needs no value."""
    return attribute.sign + ("" if value is True else written(value))


def network_signs(architecture: Architecture) -> list[str]:
    """What is decided of the whole network: ``zoom 0.75``; empty where all has its default."""
    said = stated_of_network(architecture)
    return [sign(each, said[each.name]) for each in NETWORK_ATTRIBUTES if each.name in said]


def written(value: Any) -> str:
    """A value in as few characters as it takes."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def shown(blocks: Iterable[Block]) -> list[Attribute]:
    """The attributes in the signs of these blocks."""
    listed = list(blocks)
    return [each for each in SIGNED if any(_shows(block, each) for block in listed)]


def _shows(block: Block, attribute: Attribute) -> bool:
    if isinstance(block, Feature):
        return False
    return attribute.original or getattr(block, attribute.name) != attribute.default
