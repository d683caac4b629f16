"""The one job of a pretraining, for an engine."""

from __future__ import annotations

import logging

from nas.engines.base import Crash, Outcome
from nas.engines.retries import Retries
from nas.failures import shielded
from nas.runs import events
from nas.terminal.pretraining import PretrainingProgress, said
from proxy_tasks.task import Job, Measurement


class PretrainingQueue:
    """A source of one job. ``failed`` says why it gave no result."""

    def __init__(self, job: Job, progress: PretrainingProgress) -> None:
        self._waiting: Job | None = job
        self._progress = progress
        self._retries = Retries()
        self._out = False
        self.failed: str | None = None
        self.last: Measurement | None = None

    @property
    def done(self) -> bool:
        return self._waiting is None and not self._out

    def next(self) -> Job | None:
        job, self._waiting = self._waiting, None
        if job is not None:
            self._out = True
            self._progress.started(job)
            events.tell("training started", name=job.name)
        return job

    def progress(self, job: Job, measurement: Measurement) -> None:
        self._progress.epoch(job, measurement)

    @shielded()
    def finish(self, job: Job, outcome: Outcome) -> None:
        self._out = False
        if not isinstance(outcome, Crash):
            self._retries.worked()
            self._close(job, outcome)
            return
        told = {"name": job.name, "trouble": outcome.trouble, "error": outcome.error}
        if self._retries.again(job.number, outcome):
            self._waiting = job
            self._progress.retried(job, outcome.error)
            events.tell("training runs again", logging.WARNING, **told)
        else:
            self.failed = outcome.error
            self._progress.ended(job, f"failed: {outcome.error}")
            events.tell("training failed", logging.ERROR, **told)

    def _close(self, job: Job, last: Measurement) -> None:
        self.last = last
        if last.failure is not None:
            self.failed = last.failure.value
            self._progress.ended(job, f"failed: {last.failure.value}")
        elif last.loss is not None:
            self._progress.ended(job, said(last.loss, last.figures))
        events.tell(
            "training finished", name=job.name, failure=last.failure, figures=dict(last.figures)
        )
