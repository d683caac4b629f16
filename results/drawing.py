"""The block diagram of an architecture, in the manner of the SpineNet papers.

Blocks stand from left to right in the order in which they are computed, and as high as their
level: coarse maps on top. Lengths are inches, and the axes' units are inches too.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.patheffects import Normal, Stroke

from results import figures
from results.figures import BLUE, FAINT, GREEN, INK, SOFT, VERMILLION, Paths
from results.routing import HEAD, Curve, Shape, route
from results.signs import network_signs, shown, sign, signs
from search_space.architecture import Architecture, Block
from search_space.printable import printable

COLUMN = 0.64
BOX, DIAMOND = 0.205, 0.285
ROOM = 6
"""Characters of usual size within a block."""
LEFT, RIGHT, TOP, BOTTOM = 1.05, 0.3, 0.72, 0.92
LEGEND_ROW, LEGEND_INDENT = 0.235, 0.95

TONES = ("#FAF0F6", "#E7BFD6", "#CC79A7", "#99467A", "#5E2348")
"""Fill of the smallest dilation ratio of the drawing, the next, ..."""
HALO = "#F0E442"
STEM_FILL, DEAD_FILL, DEAD_LINE = "#4A4A4A", "#F1F1F1", "#D4D4D4"
DASHES = (0, (3.2, 2.0))
UP, DOWN, LEVEL = BLUE, GREEN, "#8C8C8C"

Edge = tuple[int, int]


@dataclass(frozen=True)
class _Scene:
    """An architecture, the height of a level, and where blocks and output labels are."""

    architecture: Architecture
    row: float
    shapes: Mapping[int, Shape]
    labels: Mapping[int, Shape]
    tones: Mapping[int, str]
    marked: Set[int]


def draw(
    architecture: Architecture,
    paths: Paths,
    title: str | None = None,
    caption: str | None = None,
) -> list[Path]:
    """Draw the diagram into one file or several (.png, .svg) and return their paths.

    Every block shows its id and its signs, such as its dilation ratio (d2); the shape is its type.
    A read-out block has a double red border and its level (P3). Dashed: a connection that an
    output block absorbs. Grey: a block that reaches no output, and is never built.

    Raises:
        UserError: for another suffix, or a folder that cannot be written.
    """
    listed = figures.check_paths(paths)
    with figures.style():
        figure = _figure(_scene(architecture), title, caption)
        return figures.save(figure, listed, title and printable(title))


def svg(architecture: Architecture, marked: Set[int] = frozenset()) -> bytes:
    """The diagram without a heading as the bytes of an SVG file; blocks whose ids are ``marked``
    have a yellow halo, which shows where two architectures differ."""
    with figures.style():
        figure = _figure(_scene(architecture, marked), None, None)
        return figures.encoded(figure, "svg", None)


def _scene(architecture: Architecture, marked: Set[int] = frozenset()) -> _Scene:
    lowest = min(block.level for block in architecture.all_blocks)
    row = min(max(0.98, 0.045 * len(architecture.all_blocks)), 1.4)  # more blocks, more curves
    shapes = {}
    for index, block in enumerate(architecture.all_blocks):
        diamond = block.type == "residual"
        half = DIAMOND if diamond else BOX
        shapes[index] = Shape(index * COLUMN, (block.level - lowest) * row, half, half, diamond)
    labels = {
        index: Shape(shapes[index].x, shapes[index].y + shapes[index].half_height + 0.15, 0.15, 0.1)
        for index in architecture.output_blocks.values()
    }
    ratios = sorted({block.dilation for block in architecture.all_blocks})
    tones = {ratio: TONES[min(rank, len(TONES) - 1)] for rank, ratio in enumerate(ratios)}
    return _Scene(architecture, row, shapes, labels, tones, marked)


def _figure(scene: _Scene, title: str | None, caption: str | None) -> Figure:
    legend = _legend_groups(scene)
    inner_width = (len(scene.shapes) - 1) * COLUMN + 2 * 0.5
    inner_height = max(shape.y for shape in scene.shapes.values()) + TOP + BOTTOM
    width = max(LEFT + inner_width + RIGHT, 7.6)
    heading = _wrapped(title, width, 9.0), _wrapped(caption, width, 13.0)
    head = 0.16 + 0.26 * len(heading[0]) + 0.2 * len(heading[1])
    foot = 0.42 + LEGEND_ROW * len(legend)
    height = foot + inner_height + head
    figure = figures.new_figure(width, height)
    axes = figure.add_axes(
        (LEFT / width, foot / height, inner_width / width, inner_height / height)
    )
    axes.set_xlim(-0.5, inner_width - 0.5)
    axes.set_ylim(-BOTTOM, inner_height - BOTTOM)
    axes.axis("off")
    _draw_levels(axes, scene)
    _draw_edges(axes, scene)
    for index in scene.shapes:
        _draw_block(axes, scene, index)
    _draw_heading(figure, heading, height)
    _draw_legend(figure, legend)
    return figure


def _wrapped(text: str | None, width: float, letters_per_inch: float) -> list[str]:
    columns = int((width - 0.5) * letters_per_inch)
    return textwrap.wrap(printable(text), columns) if text else []


def _draw_heading(figure: Figure, heading: tuple[list[str], list[str]], height: float) -> None:
    titles, captions = heading
    inches = figure.dpi_scale_trans
    y = height - 0.14
    for line in titles:
        figure.text(0.25, y, line, transform=inches, va="top", size=13, weight="bold", color=INK)
        y -= 0.26
    for line in captions:
        figure.text(0.25, y, line, transform=inches, va="top", size=9.5, color=SOFT)
        y -= 0.2


def _draw_levels(axes: Axes, scene: _Scene) -> None:
    levels = [block.level for block in scene.architecture.all_blocks]
    lowest, right = min(levels), axes.get_xlim()[1]
    for level in range(lowest, max(levels) + 1):
        y = (level - lowest) * scene.row
        axes.plot((-0.4, right), (y, y), color="#ECECEC", lw=1, zorder=0, solid_capstyle="butt")
        axes.text(-0.5, y + 0.02, f"L{level}", ha="right", va="bottom", size=10, weight="bold")
        axes.text(-0.5, y - 0.02, f"stride {2**level}", ha="right", va="top", size=7.5, color=SOFT)
    axes.annotate(
        "order of computation",
        xy=(1.95, -BOTTOM + 0.12),
        xytext=(-0.4, -BOTTOM + 0.12),
        va="center",
        size=7.5,
        color=SOFT,
        arrowprops={"arrowstyle": "->", "color": SOFT, "lw": 0.8},
    )


def _draw_edges(axes: Axes, scene: _Scene) -> None:
    design = scene.architecture
    named = [(p, child) for child, parents in enumerate(design.parents) for p in parents]
    absorbed = {(p, child) for child, extra in design.absorbed.items() for p in extra}
    outputs = set(design.output_blocks.values())
    gaps = {index: 0.075 if index in outputs else 0.02 for index in scene.shapes}
    edges = {*named, *absorbed}
    dead = {edge for edge in edges if not set(edge) <= design.alive}
    curves = route(scene.shapes, scene.labels, edges, gaps, last=dead)
    for edge, curve in sorted(curves.items()):
        color = DEAD_LINE if edge in dead else _direction(design, edge)
        _draw_arrow(axes, curve, color, dashed=edge in absorbed, dead=edge in dead)


def _draw_arrow(axes: Axes, curve: Curve, color: str, dashed: bool, dead: bool) -> None:
    outline = Outline(curve, [Outline.MOVETO, *[Outline.CURVE4] * 3])
    line = PathPatch(outline, fill=False, edgecolor=color, lw=0.9 if dead else 1.35)
    line.set(capstyle="butt", zorder=1 if dead else 2)
    if dashed:
        line.set_linestyle(DASHES)
    else:
        # A white rim shows which of two crossing curves is which.
        line.set_path_effects([Stroke(linewidth=3.2, foreground="white"), Normal()])
    axes.add_patch(line)
    # Heads lie on top of all curves, so that none is hidden.
    ahead = (curve[3] - curve[2]) / np.hypot(*(curve[3] - curve[2]))
    aside = np.array([-ahead[1], ahead[0]]) * 0.042
    corners = [curve[3] + aside, curve[3] + HEAD * ahead, curve[3] - aside]
    head = Polygon(corners, closed=True, facecolor=color, lw=0, zorder=1.5 if dead else 3)
    axes.add_patch(head)


def _direction(design: Architecture, edge: Edge) -> str:
    start, end = (design.all_blocks[index].level for index in edge)
    return LEVEL if start == end else DOWN if end > start else UP


def _draw_block(axes: Axes, scene: _Scene, index: int) -> None:
    design, shape = scene.architecture, scene.shapes[index]
    block = design.all_blocks[index]
    fill, ink = _colours(scene, index)
    alive = index in design.alive
    if index in scene.marked:
        axes.add_patch(_outline(shape, 0.13, facecolor=HALO, edgecolor=INK, lw=0.6))
    axes.add_patch(_outline(shape, 0, facecolor=fill, edgecolor=INK if alive else FAINT, lw=1.1))
    if not alive:
        axes.patches[-1].set_linestyle((0, (2.0, 1.6)))
    axes.text(shape.x, shape.y + 0.065, str(index), color=ink, size=8.6, weight="bold", **_MIDDLE)
    written = " ".join(signs(block))
    size = 6.8 * min(1, ROOM / max(1, len(written)))
    axes.text(shape.x, shape.y - 0.09, written, color=ink, size=size, **_MIDDLE)
    if index in scene.labels:
        axes.patches[-1].set(edgecolor=VERMILLION, linewidth=1.5)
        axes.add_patch(_outline(shape, 0.05, fill=False, edgecolor=VERMILLION, lw=1.5))
        label = scene.labels[index]
        text = f"P{block.level}"
        axes.text(label.x, label.y, text, color=VERMILLION, size=9, weight="bold", **_MIDDLE)


_MIDDLE: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 5}


def _colours(scene: _Scene, index: int) -> tuple[str, str]:
    """Fill, and ink that can be read on it."""
    design = scene.architecture
    if index not in design.alive:
        return DEAD_FILL, "#8A8A8A"
    if index < len(design.stem):
        return STEM_FILL, "white"
    tone = scene.tones[design.all_blocks[index].dilation]
    return tone, "white" if tone in TONES[3:] else INK


def _outline(shape: Shape, margin: float, **style: Any) -> Patch:
    # The rim of a diamond moves outwards by the margin, its corners by more.
    if shape.diamond:
        half = shape.half_width + margin * 2**0.5
        x, y = shape.x, shape.y
        corners = [(x - half, y), (x, y + half), (x + half, y), (x, y - half)]
        return Polygon(corners, closed=True, zorder=4, joinstyle="miter", **style)
    half = shape.half_width + margin
    return Rectangle(
        (shape.x - half, shape.y - half), 2 * half, 2 * half, zorder=4, joinstyle="round", **style
    )


def _legend_groups(scene: _Scene) -> list[tuple[str, list[Line2D]]]:
    """Only what the drawing holds."""
    design = scene.architecture
    searched = [design.all_blocks[i] for i in sorted(design.alive) if i >= len(design.stem)]
    types = {block.type for block in design.all_blocks}
    blocks = [_marker("s", "white", "bottleneck")] if "bottleneck" in types else []
    blocks += [_marker("D", "white", "residual")] if "residual" in types else []
    blocks += [_marker("s", STEM_FILL, "encoder" if design.encoder else "stem")]
    blocks += [_marker("s", "white", "read out (P = level)", VERMILLION, 1.8)]
    if len(design.alive) < len(design.all_blocks):
        blocks.append(_marker("s", DEAD_FILL, "reaches no output: never built", FAINT))
    ratios = sorted({block.dilation for block in searched})
    tones = [_marker("s", scene.tones[ratio], f"d{ratio}") for ratio in ratios]
    return [
        ("Blocks", blocks),
        *([("Dilation", tones)] if tones else []),
        *_legend_signs(searched),
        *([("Network", _signs_alone(whole))] if (whole := network_signs(design)) else []),
        ("Inputs", _legend_edges(design)),
    ]


def _legend_signs(searched: Sequence[Block]) -> Iterator[tuple[str, list[Line2D]]]:
    """Of the attributes that have no tone."""
    for each in shown(searched):
        if each.name != "dilation":
            values = sorted({getattr(block, each.name) for block in searched})
            yield each.name.capitalize(), _signs_alone(sign(each, value) for value in values)


def _signs_alone(signs: Iterable[str]) -> list[Line2D]:
    return [_line("none", "-", each) for each in signs]


def _legend_edges(design: Architecture) -> list[Line2D]:
    absorbed = {(p, child) for child, extra in design.absorbed.items() for p in extra}
    named = {(p, child) for child, parents in enumerate(design.parents) for p in parents}
    alive = [edge for edge in named | absorbed if set(edge) <= design.alive]
    found = {_direction(design, edge) for edge in alive}
    names = {UP: "up-sampled", DOWN: "down-sampled", LEVEL: "same level"}
    lines = [_line(color, "-", name) for color, name in names.items() if color in found]
    dashed = [_line(SOFT, DASHES, "absorbed by an output")] if absorbed else []
    return lines + dashed


def _line(color: str, style: Any, label: str) -> Line2D:
    return Line2D([], [], color=color, lw=1.6, linestyle=style, label=label)


def _marker(marker: str, fill: str, label: str, rim: str = INK, width: float = 1.0) -> Line2D:
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=marker,
        markersize=8 if marker == "s" else 7,
        markerfacecolor=fill,
        markeredgecolor=rim,
        markeredgewidth=width,
        label=label,
    )


def _draw_legend(figure: Figure, groups: list[tuple[str, list[Line2D]]]) -> None:
    inches = figure.dpi_scale_trans
    for row, (name, handles) in enumerate(reversed(groups)):
        y = 0.22 + row * LEGEND_ROW
        figure.text(0.25, y, name, transform=inches, va="center", size=8.5, weight="bold")
        figure.legend(
            handles=handles,
            ncols=len(handles),
            loc="center left",
            bbox_to_anchor=(LEGEND_INDENT, y),
            bbox_transform=inches,
            frameon=False,
            fontsize=8.5,
            borderpad=0,
            borderaxespad=0,
            handletextpad=0.5,
            columnspacing=1.6,
            handlelength=1.8,
        )
