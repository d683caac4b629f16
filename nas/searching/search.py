"""The search: which network is trained next, and what is recorded about it."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from nas.config import BudgetConfig
from nas.controllers import Controller, SpaceExhausted
from nas.controllers.history import History
from nas.engines.base import Crash, Outcome
from nas.engines.retries import Retries
from nas.failures import shielded
from nas.parts.baselines import Baseline
from nas.runs import events
from nas.searching.diagrams import Leaders
from nas.terminal.progress import SearchProgress
from proxy_tasks.objectives import Metric, Shown, shown
from proxy_tasks.task import Fidelity, Job, Limit, Measurement
from results.ledger import Ledger
from results.order import in_order_of_ending
from results.trial import Setback, Trial, TrialState
from search_space.backbone import Backbone
from search_space.canonical import canonical_key
from search_space.genes import SearchSpace

ENDED = Setback("driver", "the search ended while it was running")
"""The error of a trial that a resumed search finds unfinished."""


class Search:
    """A source of jobs: baselines first, then what the controller proposes, until the budget is
    used; without a controller the baselines alone. Everything it knows it can rebuild from the
    ledger, which is how a search resumes.
    """

    def __init__(
        self,
        space: SearchSpace,
        controller: Controller | None,
        ledger: Ledger,
        fidelity: Fidelity,
        baselines: tuple[Baseline, ...],
        budget: BudgetConfig,
        progress: SearchProgress,
        limits: tuple[Limit, ...] = (),
        score: Metric = "miou",
        leaders: Leaders | None = None,
        figures: Callable[[Backbone], Mapping[str, float]] = lambda backbone: {},
    ) -> None:
        """``figures``: objectives that are known of a network without a training."""
        self._space, self._controller, self._ledger = space, controller, ledger
        self._fidelity, self._budget, self._progress = fidelity, budget, progress
        self._limits, self._score, self._leaders = limits, score, leaders
        self._figures = figures
        self._deadline = time.monotonic() + budget.hours * 3600 if budget.hours else None
        self._retries = Retries()
        self._out = 0
        self._curves: dict[int, list[float | None]] = {}
        self.exhausted: str | None = None
        """Why the space gave no further network, if it did not."""
        if ledger.dropped:
            progress.mended(ledger.dropped)
            events.tell("ledger mended", logging.WARNING, message=ledger.dropped)
        known = ledger.trials()
        scored = {trial.name for trial in known}
        self._baselines = deque(each for each in baselines if each.name not in scored)
        self._again = deque(
            ledger.set_back(trial.number, ENDED)
            for trial in known
            if trial.state is TrialState.RUNNING
        )
        self._candidates = History(t for t in known if t.kind == "candidate")
        self._compared = {t.key: t.measurement for t in known if _is_scored_baseline(t)}
        if controller:
            for trial in _told(known):
                controller.tell(trial)

    @property
    def done(self) -> bool:
        return not self._out and not self._again and self._budget_used()

    @shielded()
    def next(self) -> Job | None:
        trial = self._again.popleft() if self._again else self._start()
        while trial is not None and (before := self._scored_before(trial)):
            self._end(self._ledger.finish(trial.number, before))
            trial = self._start()
        if trial is None:
            return None
        self._out += 1
        self._curves[trial.number] = []
        self._progress.started(trial)
        events.tell("trial started", **_known(trial), again=len(trial.setbacks) or None)
        if trial.kind == "baseline":
            return Job(trial.number, trial.folder, trial.backbone, self._fidelity)
        known = (trial.number, trial.folder, trial.backbone, self._fidelity)
        return Job(*known, self._limits, stoppable=True)

    def progress(self, job: Job, measurement: Measurement) -> None:
        self._curves[job.number].append(measurement.scored(self._score).score)
        self._progress.epoch(job, measurement)

    @shielded()
    def finish(self, job: Job, outcome: Outcome) -> None:
        self._out -= 1
        if isinstance(outcome, Crash):
            self._crashed(job, outcome)
            return
        self._retries.worked()
        self._end(self._record(job, outcome.scored(self._score)))

    def _end(self, trial: Trial) -> None:
        if trial.kind == "candidate":
            self._candidates.put(trial)
            if self._controller:
                self._controller.tell(trial)
        elif _is_scored_baseline(trial):
            self._compared[trial.key] = trial.measurement
        self._progress.ended(trial)
        events.tell("trial finished", **_known(trial), **_came_to(trial))

    def _scored_before(self, trial: Trial) -> Measurement | None:
        """What a baseline came to that is the same network, trained alike: nothing is paid for
        twice. Limits that are measured hold for candidates alone."""
        trained = self._limits or trial.kind == "baseline"
        return None if trained else self._compared.get(trial.key)

    def _record(self, job: Job, outcome: Measurement) -> Trial:
        """In the ledger: the end of a job, or where its engine stopped it, which may be before it
        told of the last epoch."""
        before = self._curves.pop(job.number)[: max(0, outcome.epochs - 1)]
        outcome = replace(outcome, curve=(*before, outcome.score))
        outcome = outcome.with_figures(self._figures(job.backbone))
        if not job.ends_with(outcome):
            return self._ledger.stop(job.number, outcome)
        if self._leaders:
            self._leaders.ending(job, outcome)
        return self._ledger.finish(job.number, outcome)

    def _start(self) -> Trial | None:
        """The next trial, on disk before it is sent out."""
        if self._budget_used():
            return None
        if self._baselines:
            baseline = self._baselines.popleft()
            key = canonical_key(baseline.backbone)
            return self._ledger.start(baseline.name, "baseline", baseline.backbone, key, None)
        number = len(self._ledger)
        assert self._controller is not None  # else the budget is used
        try:
            genotype = self._controller.ask(number, self._candidates)
        except SpaceExhausted as end:
            self.exhausted = str(end)
            return None
        architecture = self._space.decode(genotype)
        key = self._space.key(genotype)
        name = f"trial-{number:04d}"
        trial = self._ledger.start(name, "candidate", architecture, key, genotype)
        self._candidates.put(trial)
        return trial

    def _crashed(self, job: Job, crash: Crash) -> None:
        trial = self._ledger.set_back(job.number, Setback(crash.trouble, crash.error))
        if self._retries.again(job.number, crash):
            self._again.append(trial)
            self._progress.retried(trial, crash.error)
            events.tell("trial runs again", logging.WARNING, **_crashed(trial, crash))
        else:
            trial = self._ledger.fail(job.number, crash.error)
            if trial.kind == "candidate":
                self._candidates.put(trial)
            self._progress.ended(trial)
            events.tell("trial failed", logging.ERROR, **_crashed(trial, crash))

    def _budget_used(self) -> bool:
        if self._baselines:
            return False
        if self._controller is None:
            return True
        if self.exhausted or (self._deadline and time.monotonic() >= self._deadline):
            return True
        return self._budget.trials is not None and len(self._candidates) >= self._budget.trials


def _is_scored_baseline(trial: Trial) -> bool:
    return trial.kind == "baseline" and trial.state is TrialState.COMPLETE


def _known(trial: Trial) -> dict[str, Any]:
    return {"trial": trial.number, "name": trial.name, "kind": trial.kind, "key": trial.key}


def _crashed(trial: Trial, crash: Crash) -> dict[str, Any]:
    known = {"trouble": crash.trouble, "error": crash.error, "setbacks": len(trial.setbacks)}
    return _known(trial) | known


def _came_to(trial: Trial) -> dict[str, Any]:
    """What a log keeps of a measurement: the ledger has it whole."""
    measured = trial.measurement
    assert measured is not None  # one that finished has one
    figures = {each.name: measured.figure(each.name) for each in shown(Shown.TABLE)}
    began = {"state": trial.state, "epochs": measured.epochs, "score": measured.score}
    return {**began, **figures, "failure": measured.failure}


def _told(trials: list[Trial]) -> list[Trial]:
    """What the controller was told, in the order in which it was told."""
    told = (TrialState.COMPLETE, TrialState.STOPPED, TrialState.INFEASIBLE)
    ended = (t for t in trials if t.kind == "candidate" and t.state in told)
    return in_order_of_ending(ended)
