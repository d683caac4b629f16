"""What a network costs, part by part, as a table for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from rich import box
from rich.table import Table
from rich.text import Text

from results import text_diagram
from results.signs import SIGNED, shown, written
from results.text_diagram import DEAD_STYLE
from search_space.architecture import Architecture
from search_space.attributes import Attribute
from search_space.backbone import Backbone
from search_space.cost import Cost, Part
from search_space.resnet import DilatedResNet, Stage

WIDE = 110
"""Characters from which on the table has room for words and gaps."""


@dataclass(frozen=True)
class _Row:
    """A part and what the spec says of it; ``part`` is None for a block that is never built."""

    name: Text
    level: int
    part: Part | None
    type: str = ""
    reads: Text | str = ""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Attribute -> its value, of those that no other column shows."""


@dataclass(frozen=True)
class _Column:
    """``cell`` of each row, under the heading and above the total."""

    heading: str
    cell: Callable[[_Row], Text | str]
    total: str = ""
    right: bool = True


def cost_table(backbone: Backbone, parts: Sequence[Part], total: Cost, width: int = 80) -> Table:
    """One row for each part, the totals below.

    Memory is what training keeps of one image for the backward pass. The loss and the first
    gradients, which the peak holds beyond that, have a row of their own (transient), so that
    every column adds up to its total.
    """
    wide = width >= WIDE
    table = Table(
        box=box.SIMPLE,
        padding=(0, 1 if wide else 0),
        collapse_padding=True,
        pad_edge=False,
        show_footer=True,
        show_edge=False,
        header_style="bold",
        footer_style="bold",
    )
    columns = [*_spec_columns(backbone, wide), *_map_columns(), *_cost_columns(total)]
    for column in columns:
        table.add_column(
            column.heading,
            column.total,
            justify="right" if column.right else "left",
            no_wrap=column.heading != "inputs",  # an output may absorb many
        )
    for row in _rows(backbone, parts):
        style = None if row.part else DEAD_STYLE
        table.add_row(*(column.cell(row) for column in columns), style=style)
    beyond = total.activations - sum(part.activations for part in parts)
    memory = in_unit(beyond, total.activations)[0]
    table.add_row("transient", *[""] * (len(columns) - 2), memory)
    return table


def in_unit(value: float, like: float) -> tuple[str, str]:
    """A count in the unit that suits ``like``, and the unit's letter: ("0.148", "M").

    Numbers of one column share the unit and the decimals of their total.
    """
    letter, divisor = next(((letter, size) for letter, size in _UNITS if like >= size), ("", 1.0))
    whole = like / divisor
    decimals = 0 if not letter else 1 if whole >= 100 else 2 if whole >= 10 else 3
    return f"{value / divisor:.{decimals}f}", letter


_UNITS = (("G", 1e9), ("M", 1e6), ("k", 1e3))


def _spec_columns(backbone: Backbone, wide: bool) -> list[_Column]:
    searched = isinstance(backbone, Architecture)
    columns = [
        _Column("part", lambda row: row.name, "total", right=False),
        _Column("level\n/stride", _level, right=False),
        _Column("type", lambda row: row.type, right=False),
        _Column("inputs" if searched else "blocks", lambda row: row.reads, right=False),
        *[_mark_column(each, wide) for each in _marked(backbone)],
    ]
    return columns if searched and wide else [c for c in columns if c.heading != "type"]


def _marked(backbone: Backbone) -> list[Attribute]:
    if isinstance(backbone, Architecture):
        return shown(backbone.all_blocks)
    return [each for each in SIGNED if each.name == "dilation"]


def _mark_column(attribute: Attribute, wide: bool) -> _Column:
    heading = attribute.name if wide else attribute.sign
    return _Column(heading, lambda row: row.marks.get(attribute.name, ""))


def _level(row: _Row) -> Text:
    return Text.assemble(f"L{row.level} ", (f"/{2**row.level}", "dim"))


def _map_columns() -> list[_Column]:
    def size(row: _Row) -> str:
        return f"{row.part.size[0]}×{row.part.size[1]}" if row.part else "never built"

    return [
        _Column("chan-\nnels", lambda row: str(row.part.channels) if row.part else ""),
        _Column("map\nh×w", size),
    ]


def _cost_columns(total: Cost) -> list[_Column]:
    def column(heading: str, value: Callable[[Part], int], whole: int, unit: str = "") -> _Column:
        shown, letter = in_unit(whole, whole)
        cell = lambda row: in_unit(value(row.part), whole)[0] if row.part else ""  # noqa: E731
        return _Column(f"{heading}\n{letter}{unit}", cell, shown)

    def share(row: _Row) -> str:
        return f"{100 * row.part.macs / total.macs:.1f}" if row.part else ""

    return [
        column("params", lambda part: part.parameters, total.parameters),
        column("MACs", lambda part: part.macs, total.macs),
        _Column("MACs\n%", share, "100.0"),
        column("memory", lambda part: part.activations, total.activations, "B"),
    ]


def _rows(backbone: Backbone, parts: Sequence[Part]) -> list[_Row]:
    if isinstance(backbone, Architecture):
        return _architecture_rows(backbone, parts)
    return _resnet_rows(backbone, parts)


def _plain(part: Part) -> _Row:
    return _Row(Text(part.name), part.level, part)


def _architecture_rows(architecture: Architecture, parts: Sequence[Part]) -> list[_Row]:
    """Blocks in their order, those that are never built too; what comes before and after them."""
    blocks = {int(part.name): part for part in parts if part.name.isdecimal()}
    before = list(takewhile(lambda part: not part.name.isdecimal(), parts))
    after = [part for part in parts[len(before) :] if not part.name.isdecimal()]
    ids = range(len(architecture.all_blocks))
    between = [_block_row(architecture, index, blocks.get(index)) for index in ids]
    return [*map(_plain, before), *between, *map(_plain, after)]


def _block_row(architecture: Architecture, index: int, part: Part | None) -> _Row:
    block, shape = architecture.all_blocks[index], text_diagram.symbol(architecture, index)
    return _Row(
        Text.assemble(shape, f" {index}"),
        block.level,
        part,
        block.type,
        Text(" ").join(text_diagram.inputs(architecture, index)),
        {each.name: written(getattr(block, each.name)) for each in SIGNED},
    )


def _resnet_rows(resnet: DilatedResNet, parts: Sequence[Part]) -> list[_Row]:
    stages = iter(resnet.plan)
    return [
        _stage_row(part, next(stages)) if part.name.startswith("stage") else _plain(part)
        for part in parts
    ]


def _stage_row(part: Part, stage: Stage) -> _Row:
    ratios = sorted({stage.first_dilation, *[stage.dilation] * (stage.blocks > 1)})
    blocks = f"{stage.blocks} bottleneck{'s' * (stage.blocks > 1)}"
    marks = {"dilation": ", ".join(map(str, ratios))}
    return _Row(Text(part.name), part.level, part, "", blocks, marks)
