"""The network in which one block gets another value of an attribute, and the list of checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from search_space.architecture import STEM, Architecture, Block
from search_space.attributes import Attribute
from search_space.errors import UserError

PLAIN = Architecture(
    STEM,
    (
        Block(3, "residual", (0, 1), 2),
        Block(4, "bottleneck", (0, 2), 1),
        Block(3, "residual", (1, 2), 1, output=True),
        Block(4, "bottleneck", (2, 3), 4, output=True),
    ),
    (3, 4),
)
"""Every block is built."""
CHANGED = 2
"""Id of the block that gets another value."""
BLOCKS = range(len(PLAIN.all_blocks))

Check = Callable[[Attribute, Any], None]
CHECKS: dict[str, Check] = {}


def check(function: Check) -> Check:
    """Decorator: adds to CHECKS by name."""
    CHECKS[function.__name__] = function
    return function


def changed(
    attribute: Attribute, value: Any, index: int = CHANGED, of: Architecture = PLAIN
) -> Architecture:
    blocks = list(of.all_blocks)
    blocks[index] = replace(blocks[index], **{attribute.name: value})
    return replace(of, stem=tuple(blocks[: len(STEM)]), blocks=tuple(blocks[len(STEM) :]))


def refusal(action: Callable[..., Any], *arguments: Any) -> str:
    """The one line of the UserError that an action ends in."""
    said = ""
    try:
        action(*arguments)
    except UserError as error:
        said = str(error)
    assert len(said.splitlines()) == 1, said or "nothing was refused"
    return said
