"""``nas runs``: the runs of a folder, in one table. It reads and never locks."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from nas.runs import at_work, ledgers, promotion_records, trainings
from nas.runs.directory import RunDirectory, runs_in
from proxy_tasks.objectives import Metric
from results import units
from results.trial import Trial, TrialState
from search_space.errors import UserError
from search_space.printable import one_line


@dataclass(frozen=True)
class Listed:
    """A run in one line. ``data``: the folder's name, or the data set's; ``begun``: local time;
    ``score``: the best by ``metric``; ``promoted``: full trainings that have ended, the best with
    ``miou`` in [0, 1]."""

    name: str
    data: str = ""
    begun: str = ""
    state: str = ""
    trials: int = 0
    metric: Metric = "miou"
    score: float | None = None
    promoted: int = 0
    miou: float | None = None


def runs(folder: Path, as_json: bool, console: Console) -> None:
    """List the runs in ``folder``, the latest first; with ``as_json`` as one list.

    Raises:
        UserError: when the folder has none.
    """
    there = runs_in(folder)
    if not there:
        raise UserError(f"{folder}: no run is here; give a folder of runs")
    found = sorted(map(_listed, there), key=lambda each: each.begun, reverse=True)
    if as_json:
        console.file.write(json.dumps([asdict(each) for each in found], indent=2) + "\n")
    else:
        console.print(_table(found))


def _table(found: list[Listed]) -> Table:
    table = Table(header_style="bold")
    for heading in ("run", "data", "begun", "state"):
        table.add_column(heading, overflow="fold")
    for heading in ("trials", "best", "promoted", "mIoU %"):
        table.add_column(heading, justify="right")
    for each in found:
        table.add_row(
            each.name,
            each.data,
            each.begun,
            each.state,
            str(each.trials or ""),
            "" if each.score is None else units.score(each.score, each.metric),
            str(each.promoted or ""),
            "" if each.miou is None else units.percent(each.miou),
        )
    return table


def _listed(run: RunDirectory) -> Listed:
    """One that cannot be read says so in the place of its state."""
    try:
        config, ledger = run.config(), ledgers.observed(run)
        trials = ledger.trials() if ledger else []
        promoted = promotion_records.load_all(run)
        state = _state(run, trials)
    except UserError as error:
        return Listed(one_line(run.name), state=one_line(str(error)))
    scores = [trial.score for trial in trials if trial.score is not None]
    known: dict[str, Any] = {
        "data": config.data.root.name if config.data.root else config.data.name,
        "begun": datetime.fromtimestamp(run.config_file.stat().st_mtime).strftime("%Y-%m-%d %H:%M"),
        "trials": sum(trial.state is not TrialState.RUNNING for trial in trials),
        "metric": config.proxy.score,
        "score": max(scores, default=None),
        "promoted": len(promoted),
        "miou": max((each.miou for each in promoted if each.miou is not None), default=None),
    }
    return Listed(one_line(run.name), state=state, **known)


def _state(run: RunDirectory, trials: list[Trial]) -> str:
    """Of a run of an earlier release nobody knows whether something works on it."""
    if (worked := at_work.found(run.path)) is not None:
        return "at work" if worked.working else "interrupted"
    if any(t.state is TrialState.RUNNING for t in trials) or trainings.load_all(run):
        return "unfinished"
    return "ended"
