"""Did the proxy choose well: full trainings against the scores they were chosen by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from results.frontier import spearman
from results.views.snapshot import Promoted, Snapshot
from results.views.style import BLUE, INK, VERMILLION, Figure, axis, empty, figure, text


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
    """How far proxy and full training rank alike."""
    both = _both(now)
    if len(both) < 3:
        return Agreement(len(both), None)
    value = spearman([p.proxy_miou or 0.0 for p in both], [p.miou or 0.0 for p in both])
    return Agreement(len(both), None if value != value else value)


def promotions(now: Snapshot) -> Figure:
    """Full mIoU against proxy mIoU; baselines are diamonds."""
    both = _both(now)
    if not both:
        return empty("nothing has been promoted yet")
    rivals = {t.number for t in now.trials if t.kind == "baseline"}
    groups = (
        ("candidate", BLUE, "circle", [p for p in both if p.trial not in rivals]),
        ("baseline", VERMILLION, "diamond", [p for p in both if p.trial in rivals]),
    )
    traces = [_marks(*group) for group in groups if group[-1]]
    x = axis("mIoU of the proxy (%)", **_padded([p.proxy_miou or 0 for p in both]))
    y = axis("mIoU of full training (%)", **_padded([p.miou or 0 for p in both]))
    return figure(traces, x, y, showlegend=True)


def _both(now: Snapshot) -> list[Promoted]:
    return [p for p in now.promoted if p.miou is not None and p.proxy_miou is not None]


def _padded(values: Sequence[float]) -> dict[str, Any]:
    """Room for the names beside the points."""
    low, high = 100 * min(values), 100 * max(values)
    room = max(0.3 * (high - low), 0.5)
    return {"range": [low - room, high + room]}


def _marks(name: str, color: str, symbol: str, chosen: Sequence[Promoted]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": name,
        "x": [100 * (p.proxy_miou or 0) for p in chosen],
        "y": [100 * (p.miou or 0) for p in chosen],
        "text": [text(p.name) for p in chosen],
        "customdata": [p.trial for p in chosen],
        "textposition": "top center",
        "textfont": {"color": INK, "size": 11},
        "marker": {"color": color, "size": 11, "symbol": symbol},
        "hovertemplate": "<b>%{text}</b><br>proxy %{x:.1f} %<br>full %{y:.1f} %<extra></extra>",
    }
