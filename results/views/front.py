"""The Pareto front on any two axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from proxy_tasks.objectives import Shown, shown
from results.frontier import pareto
from results.views.hover import TEMPLATE, hover_texts
from results.views.snapshot import Facts, Snapshot
from results.views.style import (
    BLUE,
    FAINT,
    INK,
    VERMILLION,
    Figure,
    axis,
    empty,
    figure,
    log_if_wide,
)
from results.views.thinning import thinned


@dataclass(frozen=True)
class Axis:
    """``unit`` is multiplied with to be shown; ``more``: more is better."""

    title: str
    unit: float
    more: bool = False


AXES: Mapping[str, Axis] = {
    "score": Axis("score", 1, more=True),  # as the run calls it: axis_of
    **{each.name: Axis(each.axis, each.unit.factor, each.more) for each in shown(Shown.AXIS)},
}
"""Column of the frame -> how it is shown."""


def known_axes(now: Snapshot) -> dict[str, str]:
    """Columns of which at least one trial has a value, and what each is called. The score has none
    of its own where it is the mIoU."""
    names = [name for name in AXES if name in ("miou", "macs") or now.frame[name].notna().any()]
    twice = now.facts.quality == "miou"
    return {name: axis_of(name, now.facts).title for name in names if name != "score" or not twice}


def axis_of(name: str, facts: Facts) -> Axis:
    """KeyError for a name that is not in AXES."""
    if name != "score":
        return AXES[name]
    title, unit = facts.unit
    return Axis(title, unit, more=True)


def front(now: Snapshot, x: str = "macs", y: str | None = None) -> Figure:
    """Candidates and baselines; those that no other beats on both axes are joined. Without a ``y``
    it is what the search goes by.

    Raises:
        KeyError: for a name that is not in AXES.
    """
    y = y or now.facts.quality
    across, up = axis_of(x, now.facts), axis_of(y, now.facts)
    frame = _placed(now.frame, now.facts, x, y)
    if frame.empty:
        return empty("no trial has both of these yet")
    frame["front"] = pareto(frame[["x", "y"]].to_numpy(), (across.more, up.more))
    rival = (frame["kind"] == "baseline").to_numpy()
    shown = frame.iloc[thinned(len(frame), frame["front"].to_numpy() | rival)]
    shown = shown.assign(text=hover_texts(shown, now))
    best = shown[shown["front"]].sort_values(["x", "y"])
    traces = [
        _steps(best, "hv" if not across.more else "vh"),
        _marks(shown[~shown["front"] & (shown["kind"] == "candidate")], "candidate", FAINT, 7),
        _marks(best[best["kind"] == "candidate"], "on the front", BLUE, 9),
        _rivals(shown[shown["kind"] == "baseline"]),
    ]
    wide = log_if_wide(frame["x"].tolist())
    return figure(
        traces, axis(across.title, **wide), axis(up.title), showlegend=True,
        uirevision=f"{x} {y}",  # other axes, another zoom
    )  # fmt: skip


def ringed(drawn: Figure, now: Snapshot, x: str, y: str, pinned: Sequence[int]) -> Figure:
    """The front on these axes with rings around what is pinned; the given one is not changed."""
    here = _placed(now.frame[now.frame["trial"].isin(pinned)], now.facts, x, y)
    rings = [
        _ring(letter, here[here["trial"] == number])
        for letter, number in zip("AB", pinned, strict=False)
    ]
    layout = {**drawn["layout"], "meta": {"pinned": list(pinned[:2])}}
    return {"data": [*drawn["data"], *rings], "layout": layout}


def _placed(frame: pd.DataFrame, facts: Facts, x: str, y: str) -> pd.DataFrame:
    """The rows that have both, with ``x`` and ``y`` as they are shown."""
    across, up = axis_of(x, facts), axis_of(y, facts)
    placed = frame.assign(x=across.unit * frame[x], y=up.unit * frame[y])
    known = placed["x"].notna() & placed["y"].notna()
    return placed[known].reset_index(drop=True)


def _marks(frame: pd.DataFrame, name: str, color: str, size: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": frame["x"].tolist(),
        "y": frame["y"].round(5).tolist(),
        "text": frame["text"].tolist(),
        "customdata": frame["trial"].tolist(),
        "hovertemplate": TEMPLATE,
        "marker": {"color": color, "size": size},
    }


def _rivals(frame: pd.DataFrame) -> dict[str, Any]:
    marks = _marks(frame, "baseline", VERMILLION, 10)
    marks["marker"]["symbol"] = "diamond"
    return marks


def _steps(best: pd.DataFrame, shape: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": best["x"].tolist(),
        "y": best["y"].round(5).tolist(),
        "line": {"color": BLUE, "width": 1.5, "shape": shape},
        "opacity": 0.6,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _ring(letter: str, here: pd.DataFrame) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": f"pinned {letter}",
        "showlegend": False,
        "x": here["x"].tolist(),
        "y": here["y"].tolist(),
        "text": [f"<b>{letter}</b>"] * len(here),
        "textposition": "middle left" if letter == "A" else "middle right",
        "cliponaxis": False,
        "textfont": {"color": INK, "size": 14},
        "hoverinfo": "skip",
        "marker": {"size": 17, "symbol": "circle-open", "color": INK, "line": {"width": 2}},
    }
