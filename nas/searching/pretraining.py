"""Pretrainings as jobs for an engine."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from typing import Any

from nas.engines.base import Crash, Outcome
from nas.engines.retries import Retries
from nas.failures import shielded
from nas.runs import events
from nas.terminal.pretraining import PretrainingProgress
from proxy_tasks.task import Job, Measurement


class PretrainingQueue:
    """A source of these jobs. ``failed``: name -> why, of those that gave no result."""

    def __init__(self, jobs: Sequence[Job], progress: PretrainingProgress) -> None:
        self._waiting = deque(jobs)
        self._progress = progress
        self._retries = Retries()
        self._out = 0
        self.failed: dict[str, str] = {}

    @property
    def done(self) -> bool:
        return not self._waiting and not self._out

    def next(self) -> Job | None:
        if not self._waiting:
            return None
        job = self._waiting.popleft()
        self._out += 1
        self._progress.started(job)
        events.tell("training started", name=job.name)
        return job

    def progress(self, job: Job, measurement: Measurement) -> None:
        self._progress.epoch(job, measurement)

    @shielded()
    def finish(self, job: Job, outcome: Outcome) -> None:
        self._out -= 1
        if not isinstance(outcome, Crash):
            self._retries.worked()
            self._close(job, outcome)
            return
        told = {"name": job.name, "trouble": outcome.trouble, "error": outcome.error}
        if self._retries.again(job.number, outcome):
            self._waiting.append(job)
            self._progress.retried(job, outcome.error)
            events.tell("training runs again", logging.WARNING, **told)
        else:
            self._fail(job, outcome.error)
            events.tell("training failed", logging.ERROR, **told)

    def _close(self, job: Job, last: Measurement) -> None:
        if last.failure is not None:
            self._fail(job, last.failure.value)
        else:
            self._progress.ended(job, last)
        told: dict[str, Any] = {"loss": last.loss, "failure": last.failure}
        told["figures"] = dict(last.figures) or None
        events.tell("training finished", name=job.name, **told)

    def _fail(self, job: Job, why: str) -> None:
        self.failed[job.name] = why
        self._progress.failed(job, why)
