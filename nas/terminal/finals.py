"""The finals as a table: what each network scored in the search, and what it scored in them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from nas.runs.finals import ranked
from proxy_tasks.objectives import OBJECTIVES, Metric
from proxy_tasks.objectives.objective import PERCENT, with_percent
from results import units
from results.trial import Trial


def finals_table(finals: Sequence[Trial], trials: Sequence[Trial], by: Metric) -> Table:
    """Best first. ``trials`` are those of the search, ``by`` what both are scored by."""
    goal = OBJECTIVES[by]
    headings = [with_percent(goal.score_name, goal.unit), "in the search", "MACs", "time"]
    if by != "miou":
        headings.insert(2, "mIoU %")
    table = Table(title="finals: longer trainings, full training's recipe", title_justify="left")
    table.add_column("name")
    for heading in headings:
        table.add_column(heading, justify="right")
    before = {trial.key: trial.score for trial in trials}
    for each in ranked(finals):
        table.add_row(*map(Text, _row(each, before.get(each.key), by)))
    return table


def _row(each: Trial, before: float | None, by: Metric) -> list[str]:
    found = each.measurement
    row = [
        each.name,
        each.state.value if each.score is None else _score(each.score, by),
        _score(before, by),
        "–" if found is None else units.giga(found.macs),
        "–" if found is None else units.duration(found.seconds),
    ]
    if by != "miou":
        row.insert(3, _score(each.miou, "miou"))
    return row


def _score(value: float | None, by: Metric) -> str:
    unit = OBJECTIVES[by].unit
    if value is None:
        return "–"
    return units.percent(value) if unit is PERCENT else units.shown(value, unit)
