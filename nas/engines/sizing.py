"""Several trainings on one GPU: each gets the share of it that its memory needs.

What a training needs is predicted from its spec and corrected by what others were seen to need.
One that runs out of memory while it shares gets twice the share; alone, it is too large.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from nas.engines.base import Crash, JobSource, Outcome, Trouble
from proxy_tasks.task import Job, Measurement

CONTEXT = 600 * 2**20
"""Bytes of a GPU that a process holds before its first tensor: CUDA's context and libraries."""


class Sizing:
    """Shares of a GPU with ``memory`` bytes, each ``least`` times a power of two, 1 at most.

    ``predict`` gives the bytes that a job's training allocates. Where ``memory`` is 0, as it is not
    known, every job begins with the least share.
    """

    def __init__(self, least: float, memory: int, predict: Callable[[Job], int]) -> None:
        self._least, self._memory, self._predict = least, memory, predict
        self._ratios: deque[float] = deque(maxlen=100)
        self._wanted: dict[int, float] = {}

    def share(self, job: Job) -> float:
        """Of one GPU, for this job."""
        share, wanted = self._least, max(self._wanted.get(job.number, 0.0), self._needed(job))
        while share < min(wanted, 1.0):
            share *= 2
        return min(share, 1.0)

    def measured(self, job: Job, peak: int) -> None:
        """A training ended, and ``peak`` bytes were allocated at once."""
        self._ratios.append(peak / self._predict(job))

    def crowded(self, job: Job) -> None:
        """It ran out of memory in the share that it had."""
        self._wanted[job.number] = 2 * job.gpu

    def _needed(self, job: Job) -> float:
        if not self._memory:
            return 0.0
        correction = statistics.median(self._ratios) if self._ratios else 1.0
        return (CONTEXT + correction * self._predict(job)) / self._memory


class Sized:
    """A source of jobs whose jobs have their share of a GPU."""

    def __init__(self, source: JobSource, sizing: Sizing) -> None:
        self._source, self._sizing = source, sizing

    @property
    def done(self) -> bool:
        return self._source.done

    def next(self) -> Job | None:
        job = self._source.next()
        return job and replace(job, gpu=self._sizing.share(job))

    def progress(self, job: Job, measurement: Measurement) -> None:
        self._source.progress(job, measurement)

    def finish(self, job: Job, outcome: Outcome) -> None:
        if isinstance(outcome, Crash):
            if outcome.trouble is Trouble.CROWDED:
                self._sizing.crowded(job)
        elif outcome.peak_memory and outcome.epochs:
            self._sizing.measured(job, outcome.peak_memory)
        self._source.finish(job, outcome)
