"""Parallel coordinates: every candidate as a line across its score, costs and choices."""

from __future__ import annotations

from typing import Any

import numpy as np

from proxy_tasks.objectives import OF_SPEC, Measured, Shown, Validated, shown
from results.views.favourites import best_quarter
from results.views.front import axis_of, known_axes
from results.views.importance import traits
from results.views.snapshot import Snapshot
from results.views.style import INK, MOST, SHADES, SOFT, Figure, empty, figure, text
from results.views.thinning import thinned

MEASURED = {each.name for each in shown(Shown.TABLE, *OF_SPEC, Validated, Measured)} | {"score"}
TRAITS = ("blocks built", "bottleneck", "dilation 1", "dilation 4", "level 3", "level 5")


def parallel(now: Snapshot) -> Figure:
    """The score by shade. Every line of the best quarter is there, of the rest a sample."""
    frame = now.candidates
    if len(frame) < 2:
        return empty("shown from two candidates on")
    score_N = frame["score"].to_numpy()
    kept = thinned(len(frame), best_quarter(score_N), MOST)
    if len(kept) > MOST:
        kept = kept[:: -(-len(kept) // MOST)]
    dimensions = [
        _dimension(title, axis_of(name, now.facts).unit * frame[name].to_numpy()[kept])
        for name, title in known_axes(now).items()
        if name in MEASURED
    ]
    known = traits(now)
    dimensions += [_dimension(name, known[name][kept]) for name in TRAITS if name in known]
    trace = {
        "type": "parcoords",
        "dimensions": [each for each in dimensions if each],
        "line": {
            "color": score_N[kept].tolist(),
            "colorscale": [list(stop) for stop in SHADES],
        },
        "labelfont": {"color": INK, "size": 12},
        "tickfont": {"color": SOFT, "size": 10},
        "rangefont": {"color": "rgba(0,0,0,0)", "size": 1},
        "labelangle": -12,
    }
    return figure([trace], margin={"l": 64, "r": 64, "t": 72, "b": 24})


def _dimension(label: str, values: np.ndarray) -> dict[str, Any]:
    """Nothing where a value is missing or all are the same."""
    if not np.isfinite(values).all() or values.min() == values.max():
        return {}
    return {"label": text(label.replace(" of one image", "")), "values": values.round(5).tolist()}
