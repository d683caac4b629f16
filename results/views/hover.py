"""What is said of a trial when the pointer is on it."""

from __future__ import annotations

import pandas as pd

from proxy_tasks.objectives import OF_SPEC, Shown, shown
from results import units
from results.views.snapshot import Facts, Snapshot
from results.views.style import text

_COSTS = shown(Shown.TABLE, *OF_SPEC)
_SAID = ("trial", "name", "score", "miou", *(each.name for each in _COSTS))
TEMPLATE = "%{text}<extra></extra>"


def hover_texts(frame: pd.DataFrame, now: Snapshot) -> list[str]:
    """One for each row: name, score, cost."""
    known, facts = now.memo.hovers, now.facts
    columns = (frame[name].tolist() for name in _SAID)
    for number, name, score, miou, *costs in zip(*columns, strict=True):
        if (facts.metric, number) not in known:
            pairs = zip(costs, _COSTS, strict=True)
            cost = " · ".join(units.said(value, each) for value, each in pairs if value == value)
            known[facts.metric, number] = (
                f"<b>{text(name)}</b><br>{_quality(facts, score, miou)}<br>{cost}"
            )
    return [known[facts.metric, number] for number in frame["trial"].tolist()]


def _quality(facts: Facts, score: float, miou: float) -> str:
    if facts.metric == "miou":
        return f"mIoU {facts.shown(score)}"
    return f"{facts.score_name} {facts.shown(score)}, mIoU {100 * miou:.1f} %"
