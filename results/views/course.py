"""Best so far: the progress of the search, with the baselines and the noise of a score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from results.views.hover import TEMPLATE, hover_texts
from results.views.snapshot import Snapshot
from results.views.style import BLUE, FAINT, VERMILLION, Figure, axis, empty, figure, text
from results.views.thinning import thinned

BAND = "rgba(0,114,178,0.16)"
DASHES = ("dash", "dot", "dashdot", "longdash")


def best_so_far(now: Snapshot) -> Figure:
    """Every candidate's score in the order of finishing, the best until then as a line.

    The band is one standard deviation of a score between seeds to both sides of the line; it is
    there where an audit found the noise. Baselines are level lines.
    """
    frame = now.candidates
    if frame.empty:
        return empty("no candidate has a score yet")
    name, unit = now.facts.unit
    score_N = unit * frame["score"].to_numpy()
    best_N = np.maximum.accumulate(score_N)
    record_N = np.concatenate([[True], best_N[1:] > best_N[:-1]])
    record_N[-1] = True
    shown = thinned(len(frame), record_N)
    points = frame.iloc[shown]
    traces = _band(best_N, record_N, now.facts.noise, unit)
    traces.append(_points(shown + 1, points, unit, hover_texts(points, now)))
    traces.append(_line(best_N, record_N))
    traces += _baselines(now.baselines, len(frame), unit)
    return figure(traces, "candidates finished", axis(name), showlegend=True)


def _points(x: Any, frame: pd.DataFrame, unit: float, texts: list[str]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "candidate",
        "x": x.tolist(),
        "y": (unit * frame["score"]).round(5).tolist(),
        "text": texts,
        "customdata": frame["trial"].tolist(),
        "hovertemplate": TEMPLATE,
        "marker": {"color": FAINT, "size": 6},
    }


def _line(best_N: np.ndarray, record_N: np.ndarray) -> dict[str, Any]:
    x = np.flatnonzero(record_N)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "best so far",
        "x": (x + 1).tolist(),
        "y": best_N[x].round(5).tolist(),
        "line": {"color": BLUE, "width": 2.5, "shape": "hv"},
        "hoverinfo": "skip",
    }


def _band(
    best_N: np.ndarray, record_N: np.ndarray, noise: float | None, unit: float
) -> list[dict[str, Any]]:
    if noise is None:
        return []
    x = np.flatnonzero(record_N)
    edge = {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "x": (x + 1).tolist()}
    line = {"width": 0, "shape": "hv", "color": BLUE}
    low, high = best_N[x] - unit * noise, best_N[x] + unit * noise
    return [
        {**edge, "y": low.tolist(), "line": line, "showlegend": False},
        {
            **edge, "y": high.tolist(), "line": line, "fill": "tonexty", "fillcolor": BAND,
            "name": "± noise of one score (audit)",
        },
    ]  # fmt: skip


def _baselines(frame: pd.DataFrame, count: int, unit: float) -> list[dict[str, Any]]:
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": text(name),
            "x": [1, max(count, 2)],
            "y": [unit * score] * 2,
            "line": {"color": VERMILLION, "width": 1.5, "dash": DASHES[rank % len(DASHES)]},
            "hovertemplate": f"{text(name)}: %{{y:.2f}}<extra></extra>",
        }
        for rank, (name, score) in enumerate(zip(frame["name"], frame["score"], strict=True))
    ]
