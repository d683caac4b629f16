"""What a run leaves for people: tables on the terminal, files in ``artifacts/``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.table import Table

from nas import lineage
from nas.lineage import OverSeeds, Promotion
from nas.run import RunDirectory
from nas.selection import top
from proxy_tasks.task import METRIC_NAMES, Metric
from results import units
from results.audit import within_noise
from results.leaderboard import leaderboard, to_csv, to_markdown
from results.tables import as_table
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
    title = f"leaderboard by {METRIC_NAMES[by]}: {{}} of {len(frame)} scored networks"
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


def promotions_tables(promotions: Sequence[Promotion]) -> list[Table]:
    """Full trainings, best first; and where one has several seeds, networks over their seeds."""
    found = lineage.over_seeds(promotions)
    several = any(each.deviation is not None for each in found)
    return [_promotions_table(promotions), *([_seeds_table(found)] if several else [])]


def _promotions_table(promotions: Sequence[Promotion]) -> Table:
    table = Table(title="promotions", title_justify="left", header_style="bold")
    table.add_column("name", overflow="fold")
    for heading in ("mIoU %", "at epoch", "proxy mIoU %", "MACs", "parameters", "time"):
        table.add_column(heading, justify="right")
    for each in promotions:
        table.add_row(
            each.name,
            "–" if each.miou is None else units.percent(each.miou),
            f"{each.epoch or '–'}/{each.last.epochs}",
            "–" if each.proxy_miou is None else units.percent(each.proxy_miou),
            units.giga(each.last.macs),
            units.mega(each.last.parameters),
            units.duration(each.last.seconds),
        )
    return table


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
    caption = f"proxy {METRIC_NAMES[by]} {units.score(best.score, by)}"
    draw(best.backbone, diagram, title=f"{run.path.name}: {best.name}", caption=caption)
    return [*board, *front, spec, *diagram]
