"""Did the proxy choose well: full trainings against the scores they were chosen by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from results.frontier import spearman
from results.views.snapshot import Promoted, Snapshot
from results.views.style import BLUE, INK, VERMILLION, Figure, axis, empty, figure, text

NAMED = 5
"""The best, whose names stand beside their points; of more they would lie over each other."""
UNSEEN = "full training used all images, so none was left to validate on"


@dataclass(frozen=True)
class Agreement:
    """Of ``count`` promotions that have both figures; None below three of them."""

    count: int
    spearman: float | None

    def __str__(self) -> str:
        if self.spearman is None:
            return f"{self.count} promoted: a rank correlation needs at least three"
        return (
            f"Spearman's rank correlation of proxy and full training {self.spearman:.2f}"
            f" over {self.count} promotions"
        )


def agreement(now: Snapshot) -> Agreement:
    """How far proxy and full training rank alike, among those trained by the recipe that most were;
    of several seeds the mean counts."""
    both = _both(now)
    recipes = Counter(p.recipe for _, p in both).most_common(1)
    trained: dict[int | None, list[Scored]] = {}
    for one in both:
        if one[1].recipe == recipes[0][0]:
            trained.setdefault(one[1].trial, []).append(one)
    if len(trained) < 3:
        return Agreement(len(trained), None)
    scores = [seeds[0][0] for seeds in trained.values()]
    value = spearman(scores, [fmean(p.miou or 0.0 for _, p in seeds) for seeds in trained.values()])
    return Agreement(len(trained), None if value != value else value)


def promotions(now: Snapshot) -> Figure:
    """Full mIoU against the proxy's score; baselines are diamonds."""
    both = _both(now)
    if not both:
        unseen = any(each.note for each in now.promoted)
        return empty(UNSEEN if unseen else "nothing has been promoted yet")
    rivals = {t.number for t in now.trials if t.kind == "baseline"}
    groups = (
        ("candidate", BLUE, "circle", [b for b in both if b[1].trial not in rivals]),
        ("baseline", VERMILLION, "diamond", [b for b in both if b[1].trial in rivals]),
    )
    name, unit = now.facts.unit
    named = {p.name for _, p in sorted(both, key=lambda one: -(one[1].miou or 0.0))[:NAMED]}
    traces = [_marks(*group, now, named) for group in groups if group[-1]]
    x = axis(f"proxy: {name}", **_padded([unit * score for score, _ in both], unit))
    y = axis("full training: mIoU (%)", **_padded([100 * (p.miou or 0) for _, p in both], 100))
    return figure(traces, x, y, showlegend=True)


Scored = tuple[float, Promoted]
"""A full training, and the score that the proxy had given."""


def _both(now: Snapshot) -> list[Scored]:
    trials = (now.by_number.get(-1 if p.trial is None else p.trial) for p in now.promoted)
    return [
        (trial.score, p)
        for trial, p in zip(trials, now.promoted, strict=True)
        if trial is not None and trial.score is not None and p.miou is not None
    ]


def _padded(values: Sequence[float], unit: float) -> dict[str, Any]:
    """Room for the names beside the points."""
    low, high = min(values), max(values)
    room = max(0.3 * (high - low), 0.005 * unit)
    return {"range": [low - room, high + room]}


def _marks(
    name: str,
    color: str,
    symbol: str,
    chosen: Sequence[Scored],
    now: Snapshot,
    named: Container[str],
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": name,
        "x": [now.facts.unit[1] * score for score, _ in chosen],
        "y": [100 * (p.miou or 0) for _, p in chosen],
        "text": [text(p.name) if p.name in named else "" for _, p in chosen],
        "hovertext": [text(p.name) for _, p in chosen],
        "customdata": [p.trial for _, p in chosen],
        "textposition": "top center",
        "textfont": {"color": INK, "size": 11},
        "marker": {"color": color, "size": 11, "symbol": symbol},
        "hovertemplate": "<b>%{hovertext}</b><br>proxy %{x:.4g}<br>full %{y:.1f} %<extra></extra>",
    }
