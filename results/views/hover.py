"""What is said of a trial when the pointer is on it."""

from __future__ import annotations

import pandas as pd

from results import units
from results.views.snapshot import Facts
from results.views.style import text

TEMPLATE = "%{text}<extra></extra>"


def hover_texts(frame: pd.DataFrame, facts: Facts) -> list[str]:
    """One for each row: name, score, cost."""
    columns = (frame[name] for name in ("name", "score", "miou", "macs", "parameters"))
    return [
        f"<b>{text(name)}</b><br>{_quality(facts, score, miou)}"
        f"<br>{units.giga(macs)}MACs · {units.mega(parameters)} parameters"
        for name, score, miou, macs, parameters in zip(*columns, strict=True)
    ]


def _quality(facts: Facts, score: float, miou: float) -> str:
    if facts.metric == "miou":
        return f"mIoU {facts.shown(score)}"
    return f"{facts.score_name} {facts.shown(score)}, mIoU {100 * miou:.1f} %"
