"""The block-spec list of the TensorFlow Model Garden's SpineNet, read and written.

There a network is a Python list of ``(level, block_fn, (input0, input1), is_output)`` behind two
level-2 bottleneck blocks, which are ids 0 and 1; the first entry is block 2. Its output blocks of
levels 3 to 7 are read out. That form knows no dilation: the extended form adds the block's ratio
as a fifth element to every entry.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any

from search_space.architecture import (
    ATTRIBUTES,
    STEM,
    Architecture,
    Block,
    stated_of_network,
)
from search_space.errors import UserError
from search_space.fields import short

READ_OUT = range(3, 8)
"""The Model Garden's default ``min_level`` to ``max_level``."""
PLAIN = "(level, block_fn, (input0, input1), is_output)"
DILATED = "(level, block_fn, (input0, input1), is_output, dilation)"

_VALUED = (ast.Assign, ast.Expr)
_COMMENTS = r"\s*(?:#[^\n]*\n\s*)*"
_LIST = re.compile(rf"\ufeff?{_COMMENTS}(?:[A-Za-z_]\w*\s*=\s*)?\[")


def is_block_list(text: str) -> bool:
    """Whether a text starts as a list does, ``[`` or ``NAME = [``, and not as YAML's mappings."""
    return _LIST.match(text) is not None


def dumps(architecture: Architecture, *, dilated: bool = False) -> str:
    """The list as Python source, one block a line; in the extended form if ``dilated``.

    Raises:
        UserError: for what reading the list would not give back: a dilation in the plain form,
            another stem, other output levels.
    """
    _check_writable(architecture, dilated)
    levels = ", ".join(str(level) for level in architecture.output_levels)
    entries = [_entry(block, dilated) for block in architecture.blocks]
    return "\n".join(
        [
            "# Behind two level-2 bottleneck blocks, which are ids 0 and 1:",
            f"# {DILATED if dilated else PLAIN}.",
            f"# Output levels: {levels}.",
            "BLOCK_SPECS = [",
            *(f"    {entry}," for entry in entries),
            "]\n",
        ]
    )


def loads(
    text: str, source: str = "<string>", output_levels: Sequence[int] | None = None
) -> Architecture:
    """The architecture of a list, alone or assigned to a name, in the plain or extended form.

    ``output_levels`` default to the levels from 3 to 7 that have an output block. The text is
    never run: only a literal is read.

    Raises:
        UserError: one line that names the source, the block and the rule.
    """
    try:
        entries = _literal(text)
        sizes = {len(entry) for entry in entries if isinstance(entry, tuple)}
        if sizes == {4, 5}:
            raise UserError("either every entry has a dilation as its fifth element or none has")
        blocks = tuple(_block(index, entry) for index, entry in enumerate(entries, len(STEM)))
        levels = _default_levels(blocks) if output_levels is None else tuple(output_levels)
        if not any(block.output for block in blocks):
            raise UserError("no output block: set is_output of an entry of level 3 to 7 to True")
        return Architecture(STEM, blocks, levels)
    except UserError as error:
        raise UserError(f"{source}: {error}") from None


def _check_writable(architecture: Architecture, dilated: bool) -> None:
    if architecture.stem != STEM:
        raise UserError(
            "stem: a block-spec list stands behind two bottleneck blocks of level 2 and"
            " dilation 1: export this architecture as spec"
        )
    default = _default_levels(architecture.blocks)
    if tuple(architecture.output_levels) != default:
        raise UserError(
            f"output_levels: a block-spec list reads out {list(default)}, the levels from 3 to 7"
            f" of its output blocks, but got {list(architecture.output_levels)}:"
            " export this architecture as spec"
        )
    if len(default) != default[-1] - default[0] + 1:
        raise UserError(
            f"output_levels: the Model Garden reads out every level from {default[0]} to"
            f" {default[-1]} but this architecture only {list(default)}: export it as spec"
        )
    for index, block in enumerate(architecture.blocks, len(STEM)):
        _check_held(index, block, dilated)
    for name, value in stated_of_network(architecture).items():
        raise UserError(
            f"{name}: a block-spec list holds no {name} but got {value}: export this architecture"
            " as spec"
        )


def _check_held(index: int, block: Block, dilated: bool) -> None:
    """That all a block is can be read back from the list."""
    form, held = ("a", _HELD_DILATED) if dilated else ("the plain", _HELD)
    for each in ATTRIBUTES:
        value = getattr(block, each.name)
        if each.name not in held and value != each.default:
            raise UserError(
                f"block {index}: {form} block-spec list holds no {each.name} but got {value}:"
                f" {_OTHER_FORM.get(each.name, 'export this architecture as spec')}"
            )


_HELD = ("level", "type")
_HELD_DILATED = (*_HELD, "dilation")
_OTHER_FORM = {"dilation": "write the extended form (--format tf-vision-dilated)"}


def _default_levels(blocks: Sequence[Block]) -> tuple[int, ...]:
    return tuple(sorted({block.level for block in blocks if block.output} & set(READ_OUT)))


def _entry(block: Block, dilated: bool) -> str:
    first, second = (int(parent) for parent in block.inputs)
    values = (int(block.level), str(block.type), (first, second), bool(block.output))
    return repr((*values, int(block.dilation)) if dilated else values)


def _literal(text: str) -> list[Any]:
    """The list's entries. Raises UserError for anything but one list of plain values."""
    try:
        statements = ast.parse(text.removeprefix("\ufeff")).body
        values = [ast.literal_eval(s.value) for s in statements if isinstance(s, _VALUED)]
    except SyntaxError as error:
        raise UserError(f"line {error.lineno or 1}: not a Python literal: {error.msg}") from None
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        place = re.search(r"line \d+", str(error))
        where = f"{place[0]}: " if place else ""
        raise UserError(f"{where}must be plain values with a comma after each entry") from None
    if len(values) != 1 or len(statements) != 1:
        raise UserError(f"must be one list of {PLAIN}, with or without NAME = before it")
    entries = values[0]
    if not isinstance(entries, list) or not entries:
        raise UserError(f"must be a list of {PLAIN} but got {short(entries)}")
    return entries


def _block(index: int, entry: Any) -> Block:
    where = f"block {index}: "
    if type(entry) is not tuple or len(entry) not in (4, 5):
        raise UserError(f"{where}must be {PLAIN}, or end in a dilation, but got {short(entry)}")
    level, kind, inputs, output, dilation = (*entry, 1)[:5]
    if type(inputs) is not tuple or any(type(parent) is not int for parent in inputs):
        raise UserError(f"{where}inputs must be (input0, input1) but got {short(inputs)}")
    if type(kind) is not str:
        raise UserError(f"{where}block_fn must be text but got {short(kind)}")
    if type(output) is not bool:
        raise UserError(f"{where}is_output must be True or False but got {short(output)}")
    for name, value in (("level", level), ("dilation", dilation)):
        if type(value) is not int:
            raise UserError(f"{where}{name} must be a whole number but got {short(value)}")
    return Block(level, kind, inputs, dilation, output)
