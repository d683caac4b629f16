"""Pretrainings as jobs for an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nas.runs import events
from nas.searching.queue import TrainingQueue
from nas.terminal.pretraining import PretrainingProgress
from proxy_tasks.task import Job, Measurement


class PretrainingQueue(TrainingQueue):
    """A source of these jobs."""

    def __init__(self, jobs: Sequence[Job], progress: PretrainingProgress) -> None:
        super().__init__(jobs, progress)
        self._progress = progress

    def _close(self, job: Job, last: Measurement) -> None:
        if last.failure is not None:
            self._fail(job, last.failure.value)
        else:
            self._progress.ended(job, last)
        told: dict[str, Any] = {"loss": last.loss, "failure": last.failure}
        told["figures"] = dict(last.figures) or None
        events.tell("training finished", **self._named(job), **told)

    def _fail(self, job: Job, why: str) -> None:
        self.failed[job.name] = why
        self._progress.failed(job, why)
