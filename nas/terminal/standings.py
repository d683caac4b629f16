"""The state of a run as tables: its candidates and its full trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from nas.runs import promotion_records
from nas.runs.learnt import warning
from nas.runs.promotion_records import OverSeeds, Promotion
from nas.runs.tested import evaluations_of
from nas.terminal.learnt import class_tables
from proxy_tasks.objectives import OBJECTIVES, Metric
from results import units
from results.audit import within_noise
from results.leaderboard import leaderboard
from results.tables import as_table, fitting
from results.trial import Trial

SHOWN = 10


def leaderboard_table(
    trials: Sequence[Trial],
    by: Metric = "miou",
    noise: float | None = None,
    width: int | None = None,
    taught: bool = False,
) -> Table:
    """The ten best and every baseline of a search, ranked ``by`` a metric. If the noise of a score
    is known (one standard deviation), ≈ marks the candidates that are within it of the best one.
    Columns that do not fit into the ``width`` are left out. ``taught``: by a teacher, all alike."""
    frame = leaderboard(trials)
    title = f"leaderboard by {OBJECTIVES[by].score_name}: {{}} of {len(frame)} scored networks"
    title += ", all trained with a teacher" if taught else ""
    if noise is not None:
        frame["name"] = _marked(frame, trials, noise)
        title += "; ≈ within the noise of the best candidate, by the audit"
    shown = frame[(frame["rank"] <= SHOWN) | (frame["kind"] == "baseline")]
    return as_table(shown, title.format(len(shown)), by, width)


def _marked(frame: pd.DataFrame, trials: Sequence[Trial], noise: float) -> list[str]:
    scores = {t.number: t.score for t in trials if t.kind == "candidate" and t.score is not None}
    near = within_noise(list(scores.values()), noise)
    marked = {number for number, is_near in zip(scores, near, strict=True) if is_near}
    pairs = zip(frame["trial"], frame["name"], strict=True)
    return [f"{name} ≈" if number in marked else name for number, name in pairs]


def show_promotions(promotions: Sequence[Promotion], console: Console) -> None:
    """Full trainings with their scores, by class too, and what is to be said of them: where a
    network misses classes, what to change."""
    found = evaluations_of(promotions)
    tested = {name: each.scores.miou for name, each in found.items()}
    for table in promotions_tables(promotions, tested, console.width):
        console.print(table)
    for line in notes(promotions, tested):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    for table in class_tables(promotions, found, console.width):
        console.print(table)
    for each in promotions:
        if said := warning(each, found.get(each.name)):
            console.print(Text.assemble(("warning  ", "bold red"), said), soft_wrap=True)


def promotions_tables(
    promotions: Sequence[Promotion], tested: Mapping[str, float | None], width: int | None = None
) -> list[Table]:
    """Full trainings, best first, with the mIoU on the test part of those that were ``tested``; and
    where one has several seeds, networks over their seeds. Columns that do not fit into ``width``
    are left out."""
    found = promotion_records.over_seeds(promotions)
    several = any(each.deviation is not None for each in found)
    table = _promotions_table(promotions, tested, width)
    return [table, *([_seeds_table(found)] if several else [])]


def notes(promotions: Sequence[Promotion], tested: Mapping[str, float | None]) -> list[str]:
    """What the table of full trainings does not say, one line each."""
    lines = [f"{each.name}: {each.note}" for each in promotions if each.note]
    return [*lines, *_taught(promotions), *([TESTED] if tested else [])]


def _taught(promotions: Sequence[Promotion]) -> list[str]:
    """Which of them learnt from a teacher, as others may not have."""
    names = [each.name for each in promotions if each.taught]
    if not names:
        return []
    return [
        f"trained with a teacher: {'all' if len(names) == len(promotions) else ', '.join(names)}"
    ]


TESTED = "test mIoU: on the test part, once per network; nothing is chosen using it"

_SPARE = ("parameters", "MACs", "at epoch", "time")
"""Columns that a narrow terminal does without, the first one first."""


def _promotions_table(
    promotions: Sequence[Promotion], tested: Mapping[str, float | None], width: int | None
) -> Table:
    rows = [_promotion_row(each, tested) for each in promotions]
    names = list(rows[0]) if rows else []
    kept = fitting(names, [names, *(list(row.values()) for row in rows)], width, _SPARE)
    table = Table(title="promotions", title_justify="left", header_style="bold")
    for name in kept:
        side: JustifyMethod = "left" if name == "name" else "right"
        table.add_column(name, justify=side, overflow="fold")
    for row in rows:
        table.add_row(*(Text(row[name]) for name in kept))
    return table


def _promotion_row(each: Promotion, tested: Mapping[str, float | None]) -> dict[str, str]:
    """Heading -> cell."""
    last = each.last
    test = {"test mIoU %": _percent(tested.get(each.name))} if tested else {}
    return {
        "name": each.name,
        "mIoU %": _percent(each.miou),
        **test,
        "at epoch": f"{each.epoch or (last.epochs if each.unvalidated else '–')}/{last.epochs}",
        "proxy mIoU %": _percent(each.proxy_miou),
        "MACs": units.giga(last.macs),
        "parameters": units.mega(last.parameters),
        "time": units.duration(last.seconds),
    }


def _percent(value: float | None) -> str:
    return "–" if value is None else units.percent(value)


def _seeds_table(found: Sequence[OverSeeds]) -> Table:
    table = Table(title="over seeds", title_justify="left", header_style="bold")
    table.add_column("name")
    for heading in ("seeds", "mIoU %", "deviation"):
        table.add_column(heading, justify="right")
    for each in found:
        spread = "–" if each.deviation is None else f"± {units.percent(each.deviation)}"
        table.add_row(each.name, str(each.count), units.percent(each.miou), spread)
    return table
