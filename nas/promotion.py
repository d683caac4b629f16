"""Promotion: full training of chosen trials, each with its lineage.

``promotions/NAME/`` holds the settings that it was begun with, a checkpoint, the history, the
best weights, and at the end ``promotion.json``.
"""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Sequence
from typing import Any

from nas import events
from nas.config import PromotionConfig
from nas.engines.base import Crash, Outcome
from nas.failures import Retries, shielded
from nas.lineage import read_json, write_json
from nas.progress import PromotionProgress
from nas.run import RunDirectory
from proxy_tasks.checkpoint import Checkpoint
from proxy_tasks.task import Fidelity, Job, Measurement
from results.trial import Trial
from search_space.errors import UserError


class PromotionQueue:
    """A source of jobs: one full training for each trial."""

    def __init__(
        self,
        run: RunDirectory,
        trials: Sequence[Trial],
        fidelity: Fidelity,
        seed: int,
        settings: dict[str, Any],
        progress: PromotionProgress,
    ) -> None:
        self._run, self._seed, self._settings = run, seed, settings
        self._trials = {trial.number: trial for trial in trials}
        self._waiting = deque(jobs(trials, fidelity))
        self._progress = progress
        self._retries = Retries()
        self._out = 0
        self.failed: dict[str, str] = {}
        """Name -> why, of the trainings that gave no result."""

    @property
    def done(self) -> bool:
        return not self._waiting and not self._out

    def next(self) -> Job | None:
        if not self._waiting:
            return None
        job = self._waiting.popleft()
        self._out += 1
        self._progress.started(job)
        events.tell("promotion started", trial=job.number, name=job.name)
        return job

    def progress(self, job: Job, measurement: Measurement) -> None:
        self._progress.epoch(job, measurement)

    @shielded()
    def finish(self, job: Job, outcome: Outcome) -> None:
        self._out -= 1
        if not isinstance(outcome, Crash):
            self._retries.worked()
            self._close(job, outcome)
        elif self._retries.again(job.number, outcome):
            self._waiting.append(job)
            self._progress.retried(job, outcome.error)
            events.tell("promotion runs again", logging.WARNING, **_crash(job, outcome))
        else:
            self.failed[job.name] = outcome.error
            self._progress.ended(job, f"{job.name}  failed: {outcome.error}")
            events.tell("promotion failed", logging.ERROR, **_crash(job, outcome))

    def _close(self, job: Job, last: Measurement) -> None:
        if last.failure is not None:
            self.failed[job.name] = last.failure.value
        record = _record(self._run, self._trials[job.number], self._seed, last, self._settings)
        write_json(self._run.promotions / job.name / "promotion.json", record)
        best = f"best mIoU {record['miou']:.4f}" if record["miou"] else f"{last.failure}"
        self._progress.ended(job, f"{job.name}  promoted: {best}")
        came_to = {name: record[name] for name in ("miou", "epoch")}
        came_to["failure"] = last.failure
        events.tell("promotion finished", trial=job.number, name=job.name, **came_to)


def _crash(job: Job, crash: Crash) -> dict[str, Any]:
    known = {"trial": job.number, "name": job.name}
    return known | {"trouble": crash.trouble, "error": crash.error}


def jobs(trials: Sequence[Trial], fidelity: Fidelity) -> list[Job]:
    """A full training for each trial."""
    return [Job(trial.number, trial.name, trial.backbone, fidelity) for trial in trials]


def settings(config: PromotionConfig) -> dict[str, Any]:
    """What a promotion is begun with, and must be resumed with."""
    return config.model_dump(mode="json", exclude={"top"})


def prepare(
    run: RunDirectory, trials: Sequence[Trial], wanted: dict[str, Any], resume: bool
) -> None:
    """Make the folders, all or none.

    Raises:
        UserError: when one exists and ``resume`` is off, or was begun with other settings.
    """
    folders = [run.promotions / trial.name for trial in trials]
    for folder in folders:
        if folder.exists() and not resume:
            raise UserError(f"{folder}: exists already; give --resume to go on, or another trial")
        if (kept := read_json(folder / "settings.json")) and kept != wanted:
            changed = ", ".join(sorted(k for k in kept if kept[k] != wanted.get(k)))
            raise UserError(f"{folder}: was begun with other settings ({changed}); keep them")
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "settings.json", wanted)


def _record(
    run: RunDirectory, trial: Trial, seed: int, last: Measurement, used: dict[str, Any]
) -> dict[str, Any]:
    checkpoint = Checkpoint(run.promotions / trial.name)
    kept = checkpoint.load()
    scored = [m for m in (kept[1] if kept else []) if m.miou is not None]
    best = max(scored, key=lambda m: m.miou or 0.0, default=None)
    weights = checkpoint.weights
    return {
        "trial": trial.number,
        "key": trial.key,
        "seed": seed,
        "proxy_miou": trial.miou,
        "miou": best.miou if best else None,
        "epoch": best.epochs if best else None,
        "last": last.to_dict(),
        "weights": weights.name if weights.exists() else None,
        "digest": hashlib.sha256(weights.read_bytes()).hexdigest() if weights.exists() else None,
        "settings": used,
    }
