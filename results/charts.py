"""The search at a glance: quality against cost, with the front and the baselines."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from proxy_tasks.objectives import OBJECTIVES, Metric
from proxy_tasks.objectives.objective import on_axis
from results import figures
from results.figures import BLUE, FAINT, INK, SOFT, VERMILLION, Paths
from results.leaderboard import leaderboard
from results.trial import Trial
from search_space.printable import printable

WIDTH, HEIGHT = 7.6, 4.9
LETTER = 5.6
"""Width of a letter of a label in points, generously."""

Box = tuple[float, float, float, float]
"""Left, low, right, high, in points."""


def draw_front(
    trials: Iterable[Trial], paths: Paths, title: str | None = None, by: Metric = "miou"
) -> list[Path]:
    """Scatter of the score (mIoU in percent, or what else the search goes ``by``) against MACs
    (giga) into one file or several (.png, .svg).

    Candidates on the front are labelled with their numbers and joined by the line that no trial
    lies above; baselines are diamonds with their names. Returns the paths.

    Raises:
        UserError: for another suffix, or a folder that cannot be written.
    """
    listed = figures.check_paths(paths)
    frame = leaderboard(trials)
    goal, cost = OBJECTIVES[by], OBJECTIVES["macs"]
    frame = frame.assign(
        x=cost.unit.factor * frame["macs"].astype(float),
        y=goal.unit.factor * frame["score"].astype(float),
    )
    with figures.style():
        figure = figures.new_figure(WIDTH, HEIGHT)
        axes = figure.add_axes((0.095, 0.125, 0.875, 0.755))
        _set_axes(axes, frame)
        axes.set_xlabel(cost.axis, color=SOFT)
        axes.set_ylabel(on_axis(goal.score_name, goal.unit), color=SOFT)
        _plot(axes, frame)
        _label(axes, frame)
        heading = printable(title or "Quality against cost")
        figure.text(0.025, 0.955, heading, size=13, weight="bold", color=INK, va="center")
        return figures.save(figure, listed, heading)


def _set_axes(axes: Axes, frame: pd.DataFrame) -> None:
    axes.grid(color="#ECECEC", lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=SOFT, length=0, labelsize=9)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    axes.margins(0.09, 0.14)
    if len(frame) and frame["x"].min() > 0 and frame["x"].max() > 8 * frame["x"].min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))


def _plot(axes: Axes, frame: pd.DataFrame) -> None:
    baseline = frame["kind"] == "baseline"
    front = frame["front"].astype(bool)
    rest, best = frame[~baseline & ~front], frame[~baseline & front]
    axes.scatter(rest["x"], rest["y"], s=26, color=FAINT, lw=0, label="candidate", zorder=2)
    line = frame[front].sort_values("x")
    axes.step(line["x"], line["y"], where="post", color=BLUE, lw=1.2, alpha=0.55, zorder=1)
    axes.scatter(best["x"], best["y"], s=40, color=BLUE, lw=0, label="on the front", zorder=3)
    rivals = frame[baseline]
    axes.scatter(
        rivals["x"], rivals["y"], s=52, marker="D", color=VERMILLION, lw=0, label="baseline",
        zorder=3,
    )  # fmt: skip
    shown = [name for name, part in zip(_NAMES, (rest, best, rivals), strict=True) if len(part)]
    handles, labels = axes.get_legend_handles_labels()
    kept = [pair for pair in zip(handles, labels, strict=True) if pair[1] in shown]
    if kept:
        axes.legend(
            *zip(*kept, strict=True), ncols=3, frameon=False, fontsize=9, loc="lower right",
            bbox_to_anchor=(1.0, 1.0), handletextpad=0.2, columnspacing=1.2,
        )  # fmt: skip
    else:
        axes.text(0.5, 0.5, "no complete trial yet", transform=axes.transAxes, ha="center")


_NAMES = ("candidate", "on the front", "baseline")


def _label(axes: Axes, frame: pd.DataFrame) -> None:
    """Baselines by name, always; the front by number, best first, where there is room."""
    figure = axes.get_figure()
    assert figure is not None
    axes.autoscale_view()
    scale = figure.dpi / 72
    points = {
        row.trial: tuple(axes.transData.transform((row.x, row.y)) / scale)
        for row in frame.itertuples()
    }
    frames = axes.transAxes.transform([(0, 0), (1, 1)]) / scale
    inside: Box = (*frames[0], *frames[1])
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in points.values()]
    baseline = frame["kind"] == "baseline"
    for row in pd.concat([frame[baseline], frame[~baseline & frame["front"]]]).itertuples():
        rival = row.kind == "baseline"
        text = printable(row.name) if rival else f"#{row.trial}"
        boxes = _boxes(points[row.trial], LETTER * len(text))
        costs = [_overlap(box, taken) + 3 * _sticking_out(box, inside) for box in boxes]
        best = min(range(len(boxes)), key=costs.__getitem__)
        if rival or costs[best] == 0:
            left, low, right, high = boxes[best]
            x, y = points[row.trial]
            offset = ((left + right) / 2 - x, (low + high) / 2 - y)
            color = VERMILLION if rival else BLUE
            axes.annotate(
                text, (row.x, row.y), xytext=offset, textcoords="offset points", ha="center",
                va="center", size=8.5, color=color,
            )  # fmt: skip
            taken.append(boxes[best])


def _boxes(point: tuple[float, float], width: float) -> list[Box]:
    """Where a label may stand about its point; above left first, where a front leaves room."""
    x, y = point
    lefts = (x - width - 5, x + 5, x - width / 2)
    lows = (y + 3, y - 6, y - 15)
    spots = [(left, low) for left in lefts[:2] for low in lows]
    spots += [(lefts[2], y + up) for up in (8, -20, 20, -32)]
    return [(left, low, left + width, low + 12) for left, low in spots]


def _overlap(box: Box, others: list[Box]) -> float:
    shared = 0.0
    for other in others:
        across = min(box[2], other[2]) - max(box[0], other[0])
        up = min(box[3], other[3]) - max(box[1], other[1])
        shared += max(0.0, across) * max(0.0, up)
    return shared


def _sticking_out(box: Box, inside: Box) -> float:
    return 12 * (max(0.0, inside[0] - box[0]) + max(0.0, box[2] - inside[2]))
