"""``nas status``: the state of a run, also while it is running. It reads and never locks."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from nas.engines.base import Trouble
from nas.runs import (
    at_work,
    audited,
    evaluations,
    finals,
    initial_weights,
    ledgers,
    promotion_records,
    rivals,
    trainings,
)
from nas.runs.directory import RunDirectory
from nas.runs.evaluations import Evaluation
from nas.runs.learnt import warning
from nas.runs.promotion_records import Promotion
from nas.runs.tested import evaluations_of
from nas.searching.search import ENDED
from nas.terminal.evaluated import evaluations_table
from nas.terminal.finals import finals_table
from nas.terminal.standings import leaderboard_table, show_promotions
from nas.terminal.trainings import under_way_table
from results.trial import Trial, TrialState


def status(path: Path, as_json: bool, console: Console) -> None:
    """Print counts, leaderboard and promotions, those under way too; with ``as_json`` every trial,
    as one object.

    Raises:
        UserError: when no run is there.
    """
    run = RunDirectory.open(path)
    trials, earlier = ledgers.read(run)
    promoted, going = promotion_records.load_all(run), trainings.load_all(run)
    decided, worked = finals.load(run), at_work.found(run.path)
    if as_json:
        known: dict[str, Any] = {
            "run": str(run.path),
            "working": worked.working if worked else None,
            "continue_with": worked.command if worked and not worked.working else None,
            "counts": counts(trials),
            "setbacks": setbacks(trials),
            "budget": run.config().budget.trials,
        }
        tested_on = evaluations_of(promoted)
        known["trials"] = [_plain(trial) for trial in trials]
        known["finals"] = [_plain(trial) for trial in decided]
        known["promotions"] = [_promotion(each, tested_on.get(each.name)) for each in promoted]
        known["under_way"] = [each.to_dict() for each in going]
        known["evaluations"] = [
            {"name": name} | evaluation.to_dict() for name, evaluation in _evaluations(promoted)
        ]
        console.file.write(json.dumps(known, indent=2) + "\n")
        return
    interrupted = worked is not None and not worked.working
    words = {TrialState.RUNNING.value: "unfinished"} if interrupted else {}
    there = {state: number for state, number in counts(trials).items() if number}
    parts = [f"{number} {words.get(state, state)}" for state, number in there.items()]
    console.print(f"{run.path}: {', '.join(parts) or 'nothing yet'}", markup=False)
    if worked is not None and interrupted:
        command = f"; continue with `{worked.command}`" if worked.command else ""
        stopped = f"nothing works on it{command}"
        console.print(Text.assemble(("interrupted  ", "bold red"), stopped), soft_wrap=True)
    if again := setbacks(trials):
        kinds = ", ".join(f"{number} {WORDS.get(kind, kind)}" for kind, number in again.items())
        console.print(f"run again: {kinds}", markup=False, highlight=False)
    if any(trial.score is not None for trial in trials):
        config = run.config()
        noise = audited.noise(run.path, config)
        taught = config.proxy.teacher is not None
        console.print(leaderboard_table(trials, config.proxy.score, noise, console.width, taught))
        if said := initial_weights.warning(run, trials, earlier):
            console.print(Text.assemble(("warning  ", "bold red"), said), soft_wrap=True)
    for trial in trials:
        if trial.state in (TrialState.FAILED, TrialState.INFEASIBLE):
            console.print(f"{trial.name} {trial.state}: {_reason(trial)}", markup=False)
    if decided:
        console.print(finals_table(decided, trials, run.config().proxy.score))
    if going:
        console.print(under_way_table(going, interrupted))
    if promoted:
        show_promotions(promoted, console)
        for line in rivals.lines(
            trials, promoted, run.config(), shlex.quote(str(run.path)), decided
        ):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    if evaluated := _evaluations(promoted):
        console.print(evaluations_table(evaluated))


def _promotion(each: Promotion, test: Evaluation | None) -> dict[str, Any]:
    """``class_iou`` by class; ``warning`` where classes are missed, ``note`` where it has no mIoU
    though nothing went wrong; nothing is chosen by the test mIoU."""
    return {
        "name": each.name,
        "trial": each.trial,
        "key": each.key,
        "miou": each.miou,
        "epoch": each.epoch,
        "class_iou": dict(zip(each.classes, each.class_iou, strict=False)),
        "warning": warning(each, test),
        "note": each.note,
        "test_miou": test and test.scores.miou,
    } | ({"teacher": each.settings["teacher"]} if each.taught else {})


def _evaluations(promoted: list[Promotion]) -> list[tuple[str, Evaluation]]:
    """Of the weights that a promotion ended with, with its name; not of earlier ones."""
    return [
        (each.name, evaluation)
        for each in promoted
        if each.weights is not None
        for evaluation in evaluations.load_all(each.weights.parent)
        if evaluation.weights == each.digest
    ]


WORDS = {
    Trouble.LOST: "lost workers",
    Trouble.HUNG: "hung workers",
    Trouble.DISK: "full disks",
    Trouble.CROWDED: "out of memory while sharing a GPU",
    Trouble.INPUT: "files that could not be used",
    Trouble.BUG: "exceptions",
    ENDED.kind: "unfinished when a search ended",
}
"""What setbacks are called where people read it."""


def setbacks(trials: list[Trial]) -> dict[str, int]:
    """How often a trial had to be run again, by the kind of trouble."""
    return dict(Counter(setback.kind for trial in trials for setback in trial.setbacks))


def counts(trials: list[Trial]) -> dict[str, int]:
    """How many trials are in each state."""
    return {state.value: sum(t.state is state for t in trials) for state in TrialState}


def _plain(trial: Trial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "name": trial.name,
        "kind": trial.kind,
        "state": trial.state.value,
        "key": trial.key,
        "genotype": trial.genotype,
        "measurement": trial.measurement.to_dict() if trial.measurement else None,
        "error": trial.error,
        "setbacks": [asdict(setback) for setback in trial.setbacks],
    }


def _reason(trial: Trial) -> str:
    failure = trial.measurement.failure if trial.measurement else None
    return failure.value if failure else str(trial.error)
