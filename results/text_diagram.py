"""The block diagram of an architecture in characters, for a terminal.

As in results.drawing: blocks stand from left to right in the order in which they are computed,
and as high as their level. What a block reads is listed below it. Nothing hangs on colour.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text

from results.signs import SIGNED, network_signs, shown, signs
from search_space.architecture import FEATURE, Architecture, Block

BUILT = {"bottleneck": "■", "residual": "◆", FEATURE: "●"}
READ_OUT = {"bottleneck": "▣", "residual": "◈", FEATURE: "◉"}
DEAD = {"bottleneck": "□", "residual": "◇", FEATURE: "○"}
NAMES = {FEATURE: "encoder"}
"""What a shape stands for, where it is no block's type."""

UP, DOWN, LEVEL = "↑", "↓", "→"
"""How a parent is brought to the level of its reader."""
ARROW_STYLES = {UP: "blue", DOWN: "green", LEVEL: "dim", "+": "dim"}
READ_OUT_STYLE, STEM_STYLE, DEAD_STYLE, SPECIAL_STYLE = "bold red", "bold", "dim", "magenta"

_MARGIN = 6
"""Characters left of the first block: the level and its stride."""
_GRID = "·"


def text_diagram(architecture: Architecture, width: int = 80) -> Text:
    """The diagram, in bands one above the other where the blocks need more than ``width``.

    Every block shows its shape (by type), its id, and below these its signs, such as its dilation
    ratio (d2). The lines of a level are led by its name and its stride. At least one block stands
    in a band.
    """
    cell = _cell_width(architecture)
    per_band = max(1, (width - _MARGIN) // cell)
    ids = range(len(architecture.all_blocks))
    bands = [ids[first : first + per_band] for first in ids[::per_band]]
    return Text("\n\n").join(_band(architecture, band, cell) for band in bands)


def legend(architecture: Architecture, width: int = 80) -> Text:
    """What the signs mean: those that this architecture needs, in lines of at most ``width``."""
    lines = [Text()]
    for item in _legend_items(architecture):
        gap = 2 if lines[-1] else 0
        if lines[-1] and lines[-1].cell_len + gap + item.cell_len > width:
            lines.append(Text())
            gap = 0
        lines[-1].append(" " * gap).append(item)
    return Text("\n").join(lines)


def symbol(architecture: Architecture, index: int) -> Text:
    """The shape of a block: filled where it is built, with a rim where it is read out."""
    block = architecture.all_blocks[index]
    if index not in architecture.alive:
        return Text(DEAD[block.type], DEAD_STYLE)
    if index in architecture.output_blocks.values():
        return Text(READ_OUT[block.type], READ_OUT_STYLE)
    return Text(BUILT[block.type], STEM_STYLE if index < len(architecture.stem) else "")


def arrow(architecture: Architecture, parent: int, child: int) -> str:
    """UP, DOWN or LEVEL. Up-sampled is what comes from a coarser, that is higher, level."""
    ours, theirs = (architecture.all_blocks[index].level for index in (child, parent))
    return LEVEL if ours == theirs else UP if theirs > ours else DOWN


def inputs(architecture: Architecture, child: int) -> list[Text]:
    """``3↑`` for each parent of a block, then ``+7`` for each block that it absorbs."""
    dead = child not in architecture.alive
    read = [_read(p, arrow(architecture, p, child), dead) for p in architecture.parents[child]]
    return read + [_absorbed(other, dead) for other in architecture.absorbed.get(child, ())]


def _read(parent: int, sign: str, dead: bool) -> Text:
    return Text.assemble(str(parent), (sign, ARROW_STYLES[sign]), style=DEAD_STYLE * dead)


def _absorbed(other: int, dead: bool) -> Text:
    return Text.assemble(("+", ARROW_STYLES["+"]), str(other), style=DEAD_STYLE * dead)


def _cell_width(architecture: Architecture) -> int:
    """A shape and the longest id, or the longest signs; then a space."""
    longest = max(len(" ".join(signs(block))) for block in architecture.all_blocks)
    return max(len(str(len(architecture.all_blocks) - 1)) + 1, longest, 3) + 1


def _band(architecture: Architecture, band: Sequence[int], cell: int) -> Text:
    levels = [block.level for block in architecture.all_blocks]
    lines = []
    for level in range(max(levels), min(levels) - 1, -1):
        lines += _level_lines(architecture, band, level, cell)
    return Text("\n").join([*lines, Text(), *_input_lines(architecture, band, cell)])


def _level_lines(
    architecture: Architecture, band: Sequence[int], level: int, cell: int
) -> list[Text]:
    here = {index for index in band if architecture.all_blocks[index].level == level}
    blocks = [_block(architecture, i) if i in here else Text(_GRID, "dim") for i in band]
    below = [_signs(architecture, i) if i in here else Text() for i in band]
    stride = Text(f"/{2**level}", "dim")
    return [_line(Text(f"L{level}", "bold"), blocks, cell), _line(stride, below, cell)]


def _block(architecture: Architecture, index: int) -> Text:
    shape = symbol(architecture, index)
    return Text.assemble(shape, (str(index), shape.style))


def _signs(architecture: Architecture, index: int) -> Text:
    block = architecture.all_blocks[index]
    usual = all(getattr(block, each.name) == each.default for each in SIGNED)
    faint = usual or index not in architecture.alive
    return Text(" ".join(signs(block)), DEAD_STYLE if faint else SPECIAL_STYLE)


def _input_lines(architecture: Architecture, band: Sequence[int], cell: int) -> list[Text]:
    columns = [inputs(architecture, index) for index in band]
    rows = range(max(map(len, columns)))
    names = ["reads", *[""] * len(rows)]
    filled = [[c[row] if row < len(c) else Text() for c in columns] for row in rows]
    return [_line(Text(names[row]), filled[row], cell) for row in rows]


def _line(name: Text, cells: Iterable[Text], width: int) -> Text:
    line = Text().append(_padded(name, _MARGIN))  # not the name itself: its style is for it alone
    for cell in cells:
        line.append(_padded(cell, width))
    line.rstrip()
    return line


def _padded(text: Text, width: int) -> Text:
    copy = text.copy()
    copy.pad_right(max(0, width - text.cell_len))
    return copy


def _legend_items(architecture: Architecture) -> list[Text]:
    alive = [architecture.all_blocks[index] for index in sorted(architecture.alive)]
    dead = [b for i, b in enumerate(architecture.all_blocks) if i not in architecture.alive]
    read_out = [architecture.all_blocks[i] for i in architecture.output_blocks.values()]
    items = [
        Text(f"{BUILT[kind]} {NAMES.get(kind, kind)}") for kind in BUILT if kind in _types(alive)
    ]
    items.append(Text(f"{_shapes(READ_OUT, read_out)} read out", READ_OUT_STYLE))
    if dead:
        items.append(Text(f"{_shapes(DEAD, dead)} never built", DEAD_STYLE))
    items += [Text(f"{each.sign} {each.name}") for each in shown(architecture.all_blocks)]
    items += [Text(f"whole network: {sign}", SPECIAL_STYLE) for sign in network_signs(architecture)]
    found = {
        text.plain[-1] for i in range(len(alive) + len(dead)) for text in inputs(architecture, i)
    }
    names = {UP: "up-sampled", DOWN: "down-sampled", LEVEL: "same level"}
    items += [Text.assemble((s, ARROW_STYLES[s]), f" {n}") for s, n in names.items() if s in found]
    return items + [Text("+ absorbed")] * any(architecture.absorbed.values())


def _types(blocks: Iterable[Block]) -> set[str]:
    return {block.type for block in blocks}


def _shapes(shapes: dict[str, str], blocks: Iterable[Block]) -> str:
    found = _types(blocks)
    return " ".join(shape for kind, shape in shapes.items() if kind in found)
