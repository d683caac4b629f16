"""A view's figure as an SVG file, for a paper: what plotly.js draws in a page, drawn by matplotlib.

It knows what our views are made of: scatter, bar and parcoords traces on one pair of axes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.ticker import FixedLocator, NullLocator

from results import figures
from results.figures import INK, SOFT
from results.views import style
from search_space.printable import printable

WIDTH, HEIGHT = 7.6, 4.4
POINTS = 0.75
"""Of a CSS pixel, which plotly.js counts in."""
LETTER = 5.6
"""Width of a letter of a tick's label in points, generously."""
_DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-.", "longdash": (0, (9, 4))}
_SYMBOLS = ("o", "s", "D", "P", "X", "^", "v")
_NAMED = {"circle": "o", "circle-open": "o", "diamond": "D"}
_STEPS: dict[str, Any] = {"hv": "post", "vh": "pre"}


def save(figure: style.Figure, path: Path, title: str) -> None:
    """Write it, replacing what is there in one step.

    Raises:
        UserError: for another suffix than .svg or .png, or a folder that cannot be written.
    """
    with figures.style():
        canvas = figures.new_figure(WIDTH, HEIGHT)
        left = _left(figure)
        axes = canvas.add_axes((left, 0.13, 0.97 - left, 0.71))
        _draw(axes, figure)
        heading = printable(title)
        canvas.text(0.025, 0.955, heading, size=12, weight="bold", color=INK, va="center")
        figures.save(canvas, path, heading)


def _left(figure: style.Figure) -> float:
    """Where the axes begin, as a share of the width: behind the names of bars, where there are."""
    names = [n for t in figure["data"] if t.get("orientation") == "h" for n in t["y"]]
    longest = max((len(_words(name)) for name in names), default=0)
    return max(0.1, 0.03 + longest * LETTER / 72 / WIDTH)


def _draw(axes: Axes, figure: style.Figure) -> None:
    layout = figure["layout"]
    for side in axes.spines.values():
        side.set_visible(False)
    if not figure["data"]:
        axes.set_axis_off()
        words = _words(layout["annotations"][0]["text"])
        axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", color=SOFT)
        return
    if figure["data"][0]["type"] == "parcoords":
        _parallel(axes, figure["data"][0])
        return
    axes.grid(color=style.GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=SOFT, length=0, labelsize=9)
    _traces(axes, figure["data"], layout)
    _axis(axes, layout["xaxis"], "x")
    _axis(axes, layout["yaxis"], "y")
    if layout.get("showlegend") and (labels := axes.get_legend_handles_labels()[1]):
        columns = max(1, 75 // (max(map(len, labels)) + 6))
        axes.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, frameon=False, fontsize=8.5,
            borderaxespad=0.2, handletextpad=0.5, columnspacing=1.2,
        )  # fmt: skip


def _traces(axes: Axes, traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]) -> None:
    bars = [trace for trace in traces if trace["type"] == "bar"]
    for rank, trace in enumerate(bars):
        _bars(axes, trace, rank, len(bars), layout.get("bargap", 0.2))
    below: Mapping[str, Any] | None = None
    for trace in traces:
        if trace["type"] == "scatter":
            _scatter(axes, trace, below)
            below = trace


def _scatter(axes: Axes, trace: Mapping[str, Any], below: Mapping[str, Any] | None) -> None:
    x, y, mode = trace["x"], trace["y"], trace["mode"]
    label = _label(trace)
    if trace.get("fill") == "tonexty" and below is not None:
        colour = _colour(trace["fillcolor"])
        step: Any = _STEPS.get(trace["line"].get("shape", ""))
        axes.fill_between(x, below["y"], y, color=colour, lw=0, step=step, label=label)
        return
    if "lines" in mode and trace["line"]["width"]:
        _line(axes, trace, label)
        label = None
    if "markers" in mode:
        _markers(axes, trace, label)
    if "text" in mode:
        for words, place in zip(trace["text"], zip(x, y, strict=True), strict=True):
            axes.annotate(
                _words(words), place, xytext=(0, 7), textcoords="offset points", ha="center",
                size=8.5, color=INK,
            )  # fmt: skip


def _line(axes: Axes, trace: Mapping[str, Any], label: str | None) -> None:
    line = trace["line"]
    known: dict[str, Any] = {
        "color": line["color"],
        "lw": POINTS * line["width"],
        "ls": _DASHES[line.get("dash", "solid")],
        "alpha": trace.get("opacity", 1.0),
        "label": label,
    }
    if "markers" in trace["mode"]:
        known |= {"marker": _marker(trace["marker"]), "ms": POINTS * trace["marker"]["size"]}
    if (shape := line.get("shape")) in _STEPS:
        axes.step(trace["x"], trace["y"], where=_STEPS[shape], **known)
    else:
        axes.plot(trace["x"], trace["y"], **known)


def _markers(axes: Axes, trace: Mapping[str, Any], label: str | None) -> None:
    if "lines" in trace["mode"]:
        return
    marker = trace["marker"]
    area = (POINTS * marker["size"]) ** 2
    axes.scatter(
        trace["x"], trace["y"], s=area, c=marker["color"], marker=_marker(marker), lw=0,
        label=label, zorder=2,
    )  # fmt: skip


def _marker(marker: Mapping[str, Any]) -> str:
    symbol = marker.get("symbol", "circle")
    return _SYMBOLS[symbol % len(_SYMBOLS)] if isinstance(symbol, int) else _NAMED[symbol]


def _bars(axes: Axes, trace: Mapping[str, Any], rank: int, count: int, gap: float) -> None:
    across = trace.get("orientation") == "h"
    names, values = (trace["y"], trace["x"]) if across else (trace["x"], trace["y"])
    width = (1 - gap) / count
    places = np.arange(len(names)) + (rank - (count - 1) / 2) * width
    draw: Callable[..., Any] = axes.barh if across else axes.bar
    draw(places, values, width, color=trace["marker"]["color"], label=_label(trace))
    set_ticks = axes.set_yticks if across else axes.set_xticks
    set_ticks(np.arange(len(names)), [_words(name) for name in names])
    axes.grid(visible=False, axis="y" if across else "x")


def _axis(axes: Axes, known: Mapping[str, Any], which: str) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_label_text(_words(known["title"]["text"]), color=SOFT)
    if known.get("type") == "log":
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        axis.set_major_locator(FixedLocator(known["tickvals"]))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter("{x:g}")
    set_limits: Callable[..., Any] = axes.set_xlim if which == "x" else axes.set_ylim
    if "range" in known:
        set_limits(*known["range"])
    if known.get("rangemode") == "tozero":
        set_limits(0)
    if known.get("autorange") == "reversed":
        axis.set_inverted(True)


def _parallel(axes: Axes, trace: Mapping[str, Any]) -> None:
    dimensions = trace["dimensions"]
    values = np.array([each["values"] for each in dimensions])
    low, high = values.min(axis=1), values.max(axis=1)
    heights = (values - low[:, None]) / (high - low)[:, None]
    shades = LinearSegmentedColormap.from_list("score", trace["line"]["colorscale"])
    score = np.array(trace["line"]["color"])
    reach = float(np.ptp(score)) or 1.0
    for line in np.argsort(score):  # the best on top
        colour = shades((score[line] - score.min()) / reach)
        axes.plot(heights[:, line], color=colour, lw=0.7, alpha=0.8)
    for place, each in enumerate(dimensions):
        axes.axvline(place, color=SOFT, lw=0.8)
        for end, edge, side in ((low, 0, "top"), (high, 1, "bottom")):
            words = f"{end[place]:.3g}"
            axes.text(place, edge + (0.02 if edge else -0.02), words, size=8, ha="center", va=side)
        axes.text(place, 1.09, _words(each["label"]), size=8, ha="left", rotation=20, color=INK)
    axes.set_axis_off()


def _label(trace: Mapping[str, Any]) -> str | None:
    shown = trace.get("showlegend", True) and trace.get("name")
    return _words(trace["name"]) if shown else None


def _words(text: str) -> str:
    """Without plotly.js's little HTML."""
    return html.unescape(re.sub(r"</?b>|<br>", " ", text)).strip()


def _colour(css: str) -> tuple[float, float, float, float]:
    """``rgba(0,114,178,0.16)``, or anything that matplotlib knows."""
    if not css.startswith("rgba"):
        return to_rgba(css)
    red, green, blue, alpha = map(float, css[5:-1].split(","))
    return red / 255, green / 255, blue / 255, alpha
