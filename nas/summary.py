"""What a run leaves for people: tables on the terminal, files in ``artifacts/``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from nas import lineage
from nas.learnt import class_tables, warning
from nas.lineage import OverSeeds, Promotion
from nas.run import RunDirectory
from nas.selection import top
from nas.tested import evaluations_of
from proxy_tasks.objectives import OBJECTIVES, Metric
from results import units
from results.audit import within_noise
from results.leaderboard import leaderboard, to_csv, to_markdown
from results.tables import as_table, fitting
from results.trial import Trial
from search_space import architecture_file
from search_space.architecture import Architecture

SHOWN = 10


def leaderboard_table(
    trials: Sequence[Trial],
    by: Metric = "miou",
    noise: float | None = None,
    width: int | None = None,
) -> Table:
    """The ten best and every baseline, of a search that goes ``by`` a metric. Where the noise of a
    score is known (one standard deviation), ≈ marks the candidates that it cannot tell from the
    best one. Columns that do not fit into the ``width`` are left out."""
    frame = leaderboard(trials)
    title = f"leaderboard by {OBJECTIVES[by].score_name}: {{}} of {len(frame)} scored networks"
    if noise is not None:
        frame["name"] = _marked(frame, trials, noise)
        title += "; ≈ not told from the best candidate by the noise that the audit found"
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
    found = lineage.over_seeds(promotions)
    several = any(each.deviation is not None for each in found)
    table = _promotions_table(promotions, tested, width)
    return [table, *([_seeds_table(found)] if several else [])]


def notes(promotions: Sequence[Promotion], tested: Mapping[str, float | None]) -> list[str]:
    """What the table of full trainings does not say, a line each."""
    lines = [f"{each.name}: {each.note}" for each in promotions if each.note]
    return [*lines, *([TESTED] if tested else [])]


TESTED = "test mIoU: of the test part, each network once; nothing is chosen by it"

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


def write_artifacts(run: RunDirectory, trials: Sequence[Trial], by: Metric = "miou") -> list[Path]:
    """Leaderboard, front, and the best candidate by proxy score with its diagram, of a search that
    goes ``by`` a metric."""
    # matplotlib takes half a second to import: only where something is drawn.
    from results.charts import draw_front
    from results.drawing import draw

    run.artifacts.mkdir(exist_ok=True)
    frame, best = leaderboard(trials), top(trials, 1)[0]
    board = [run.artifacts / "leaderboard.md", run.artifacts / "leaderboard.csv"]
    board[0].write_text(to_markdown(frame, by), "utf-8")
    board[1].write_text(to_csv(frame), "utf-8")
    front = [run.artifacts / "front.svg", run.artifacts / "front.png"]
    draw_front(trials, front, by=by)
    spec = run.artifacts / "best.yaml"
    scores = {"proxy_miou": best.miou}
    provenance = {"run": run.path.name, "trial": best.number, "scores": scores}
    architecture_file.save(spec, best.backbone, provenance)
    diagram = [run.artifacts / "best.svg", run.artifacts / "best.png"]
    assert isinstance(best.backbone, Architecture)  # candidates are searched ones
    assert best.score is not None
    caption = f"proxy {OBJECTIVES[by].score_name} {units.score(best.score, by)}"
    draw(best.backbone, diagram, title=f"{run.path.name}: {best.name}", caption=caption)
    return [*board, *front, spec, *diagram]
