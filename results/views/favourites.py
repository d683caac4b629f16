"""What the best candidates are made of, against all, and as the search went on."""

from __future__ import annotations

from typing import Any

import numpy as np

from results.views.choices import PROPERTIES, Property, Shares, in_order
from results.views.snapshot import Snapshot
from results.views.style import BLUE, FAINT, SERIES, Figure, axis, empty, figure, text

FEWEST = 8
"""Candidates from which a quarter of them says anything."""
SPANS = 10
"""Into how many spans the course of a search is cut."""


def best_quarter(scores_N: np.ndarray) -> np.ndarray:
    """Mask of the best quarter, rounded up; of equal scores the earlier."""
    count = -(-len(scores_N) // 4)
    mask = np.zeros(len(scores_N), dtype=bool)
    mask[np.argsort(-scores_N, kind="stable")[:count]] = True
    return mask


def favourites(now: Snapshot, of: Property) -> Figure:
    """The share of each value among the best quarter of the candidates and among all of them."""
    found, score_N = shares_of(now, of)
    if len(score_N) < FEWEST:
        return empty(f"shown from {FEWEST} candidates on")
    best_N = best_quarter(score_N)
    everyone = 100 * found.share_NV.mean(axis=0)
    best = 100 * found.share_NV[best_N].mean(axis=0)
    labels = [text(label) for label in signed(found.labels, of)]
    traces = [
        _bars("all", labels, everyone, FAINT),
        _bars(f"best quarter ({best_N.sum()})", labels, best, BLUE),
    ]
    x = axis(PROPERTIES[of].lower(), type="category")
    layout = {"barmode": "group", "bargap": 0.25, "showlegend": True, "uirevision": of}
    return figure(traces, x, "share (%)", **layout)


def over_time(now: Snapshot, of: Property) -> Figure:
    """The share of each value among the candidates of each tenth of the search so far."""
    found, score_N = shares_of(now, of)
    count = len(score_N)
    if count < FEWEST:
        return empty(f"shown from {FEWEST} candidates on")
    spans = np.array_split(np.arange(count), min(SPANS, count // 4))
    middle = [float(span.mean()) + 1 for span in spans]
    share_SV = 100 * np.array([found.share_NV[span].mean(axis=0) for span in spans])
    traces = [
        _course(label, middle, share_SV[:, rank], rank)
        for rank, label in enumerate(signed(found.labels, of))
    ]
    y = axis("share (%)", rangemode="tozero")
    return figure(traces, "candidates finished", y, showlegend=True, uirevision=of)


def shares_of(now: Snapshot, of: Property) -> tuple[Shares, np.ndarray]:
    """Of every searched candidate in the order of finishing, with their scores."""
    return now.once(f"shares {of}", lambda: _shares(now, of))


def _shares(now: Snapshot, of: Property) -> tuple[Shares, np.ndarray]:
    numbers, score_N = now.searched
    values = in_order(now.memo.values[of])
    rows = now.memo.counts[of, values]
    count_NV = rows.of(numbers, lambda n: [now.memo.choices[n][of].get(v, 0) for v in values])
    return Shares.of_counts(values, count_NV.reshape(len(numbers), len(values))), score_N


def signed(labels: list[str], of: Property) -> list[str]:
    """What a connection climbs with its sign; all else as it is."""
    if of != "connection":
        return labels
    return [f"+{label}" if int(label) > 0 else label.replace("-", "−") for label in labels]


def _bars(name: str, labels: list[str], shares_V: np.ndarray, color: str) -> dict[str, Any]:
    return {
        "type": "bar",
        "name": name,
        "x": labels,
        "y": shares_V.round(2).tolist(),
        "marker": {"color": color},
        "hovertemplate": f"%{{x}}: %{{y:.1f}} % of {name}<extra></extra>",
    }


def _course(label: str, x: list[float], y: np.ndarray, rank: int) -> dict[str, Any]:
    dashes = ("solid", "dash", "dot")
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": text(label),
        "x": x,
        "y": y.round(2).tolist(),
        "line": {
            "color": SERIES[rank % len(SERIES)],
            "dash": dashes[rank // len(SERIES) % 3],
            "width": 2,
        },
        "marker": {"size": 5, "symbol": rank},
        "hovertemplate": f"{text(label)}: %{{y:.1f}} %<extra></extra>",
    }
