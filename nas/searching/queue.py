"""Trainings that are known from the beginning, as jobs for an engine."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from nas.engines.base import Crash, Outcome
from nas.engines.retries import Retries
from nas.failures import shielded
from nas.runs import events
from proxy_tasks.task import Job, Measurement


class Progress(Protocol):
    """What a person sees of them."""

    def started(self, job: Job) -> None: ...

    def epoch(self, job: Job, measurement: Measurement) -> None: ...

    def retried(self, job: Job, error: str) -> None: ...


class TrainingQueue:
    """A source of these jobs, each trained once; the log calls one a ``kind``.

    Attributes:
        failed: name -> why, of the trainings that gave no result.
    """

    kind = "training"

    def __init__(self, jobs: Sequence[Job], progress: Progress) -> None:
        self._waiting = deque(jobs)
        self._shown = progress
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
        self._shown.started(job)
        events.tell(f"{self.kind} started", **self._named(job))
        return job

    def progress(self, job: Job, measurement: Measurement) -> None:
        self._shown.epoch(job, measurement)

    @shielded()
    def finish(self, job: Job, outcome: Outcome) -> None:
        self._out -= 1
        if not isinstance(outcome, Crash):
            self._retries.worked()
            self._close(job, outcome)
            return
        told = {**self._named(job), "trouble": outcome.trouble, "error": outcome.error}
        if self._retries.again(job.number, outcome):
            self._waiting.append(job)
            self._shown.retried(job, outcome.error)
            events.tell(f"{self.kind} runs again", logging.WARNING, **told)
        else:
            self._fail(job, outcome.error)
            events.tell(f"{self.kind} failed", logging.ERROR, **told)

    def _named(self, job: Job) -> dict[str, Any]:
        """What the log calls a job."""
        return {"name": job.name}

    def _close(self, job: Job, last: Measurement) -> None:
        """Keep and show what a training came to."""
        raise NotImplementedError

    def _fail(self, job: Job, why: str) -> None:
        """Keep and show that a training gave no result."""
        raise NotImplementedError
