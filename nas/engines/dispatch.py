"""Which job goes to which worker, where workers are processes that live on from job to job."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nas.engines.base import JobSource, Outcome, Resources
from nas.engines.halving import Judge
from nas.engines.lost import hung
from nas.engines.patience import Patience
from proxy_tasks.task import Job, Measurement

STARTS_WITHIN = 120.0
"""Seconds that a job waits for the worker that starts for it; then it goes before new ones."""
REST = 60.0
"""Seconds without a job for them after which workers end: their nodes may be wanted back."""
LISTEN = 1.0
"""Seconds to wait for answers at a time."""


@dataclass(eq=False)
class RemoteWorker:
    """A worker as the driver knows it, with its share of a GPU and the ``job`` that it is at. Its
    ``question`` was ``asked`` then: whether it is there, or for the job's next epoch."""

    handle: Any
    gpus: float
    job: Job | None = None
    question: Any = None
    asked: float = 0.0


@dataclass(frozen=True)
class Answer:
    """An outcome, after so many ``seconds``. ``final``: it ends the job. A worker that was lost
    answers a Crash, even when it has no job yet; it is in the pool no more."""

    worker: RemoteWorker
    outcome: Outcome
    final: bool
    seconds: float


class Pool(Protocol):
    """The workers: some are starting, some at work, some free."""

    @property
    def starting(self) -> Sequence[RemoteWorker]: ...

    @property
    def at_work(self) -> Sequence[RemoteWorker]: ...

    @property
    def free(self) -> Sequence[RemoteWorker]: ...

    def start(self, gpus: float) -> None:
        """Another worker. It may have to wait long for its place on a node."""
        ...

    def begin(self, worker: RemoteWorker, job: Job) -> None:
        """A free one takes up a job."""
        ...

    def go_on(self, worker: RemoteWorker) -> None:
        """One that answered begins the next epoch of its job."""
        ...

    def release(self, worker: RemoteWorker) -> None:
        """One that answered is done with its job, and free if it was not lost."""
        ...

    def dismiss(self, worker: RemoteWorker) -> None:
        """End it, whatever it is doing."""
        ...

    def answers(self, seconds: float) -> Sequence[Answer]:
        """All answers so far, as soon as there is one or the time is over."""
        ...


@dataclass(frozen=True)
class _Waiting:
    """A job that found no worker free, and when that was."""

    job: Job
    gpus: float
    since: float


class Dispatch:
    """Runs a source's jobs on a pool of workers.

    For a job that finds no worker free one is started, and the job waits for it. A worker that
    becomes free takes a new job first: so those that come late find work, and what is proposed is
    trained at once.
    """

    def __init__(
        self,
        source: JobSource,
        pool: Pool,
        resources: Resources,
        judge: Judge,
        patience: Patience,
    ) -> None:
        self._source, self._pool, self._resources = source, pool, resources
        self._judge, self._patience = judge, patience
        self._waiting: list[_Waiting] = []
        self._out = 0
        self._dry = False
        """Whether the source had no job when it was last asked."""
        self._needed = time.monotonic()
        """When there last was work for everybody."""

    def run(self) -> None:
        """Until the source is done."""
        while not self._source.done:
            self._employ()
            if not self._out and not self._source.done:
                raise RuntimeError("the source has no job although nothing is running")
            answers = self._pool.answers(LISTEN)
            self._end_hung()
            for answer in answers:
                self._hear(answer)

    def _employ(self) -> None:
        """Jobs for the workers that are free, then for those that may still come."""
        self._dry = False
        for worker in list(self._pool.free):
            if job := self._job_for(worker):
                self._pool.begin(worker, job)
            elif self._waiting:  # for another share of a GPU, to which this one makes way
                self._pool.dismiss(worker)
        while job := self._new_job():
            self._wait(job)
        self._send_home()

    def _job_for(self, worker: RemoteWorker) -> Job | None:
        while job := self._new_job():
            if self._share(job) == worker.gpus:
                return job
            self._wait(job)
        return self._waited(worker.gpus)

    def _new_job(self) -> Job | None:
        """From the source: none where it just had none, all workers have one, or one is overdue."""
        if self._dry or self._out >= self._resources.workers or self._overdue():
            return None
        job = self._source.next()
        self._dry = job is None
        self._out += job is not None
        return job

    def _overdue(self) -> bool:
        """Whether a job has waited for too long: its worker finds no place beside the others."""
        if not self._waiting:
            return False
        return time.monotonic() - self._waiting[0].since > STARTS_WITHIN

    def _wait(self, job: Job) -> None:
        """For a worker that starts."""
        gpus = self._share(job)
        self._waiting.append(_Waiting(job, gpus, time.monotonic()))
        starting = sum(worker.gpus == gpus for worker in self._pool.starting)
        if starting < sum(other.gpus == gpus for other in self._waiting):
            self._pool.start(gpus)

    def _waited(self, gpus: float) -> Job | None:
        """The job that has waited longest for such a worker."""
        for place, waiting in enumerate(self._waiting):
            if waiting.gpus == gpus:
                return self._waiting.pop(place).job
        return None

    def _share(self, job: Job) -> float:
        """Of a GPU, for its worker. One that has processes needs none beside theirs."""
        known = self._resources
        return max(known.gpus, job.gpu) if known.processes == 1 else 0.0

    def _send_home(self) -> None:
        """Workers for whom there has been no job for long."""
        now = time.monotonic()
        if not self._dry or self._waiting:
            self._needed = now
        elif now - self._needed > REST:
            for worker in (*self._pool.free, *self._pool.starting):
                self._pool.dismiss(worker)

    def _end_hung(self) -> None:
        """Among those that have not answered."""
        if (limit := self._patience.limit()) is None:
            return
        now = time.monotonic()
        for worker in list(self._pool.at_work):
            if worker.job and now - worker.asked > limit:
                self._pool.dismiss(worker)
                self._finish(worker.job, hung(limit))

    def _hear(self, answer: Answer) -> None:
        worker, outcome = answer.worker, answer.outcome
        job = worker.job or self._waited(worker.gpus)
        if job is None:  # lost while it started, and nobody waits for it
            return
        if isinstance(outcome, Measurement):
            self._patience.took(answer.seconds)
            if not self._judge.stops(job, outcome) and not answer.final:
                self._pool.go_on(worker)
                self._source.progress(job, outcome)
                return
        self._pool.release(worker)
        self._finish(job, outcome)

    def _finish(self, job: Job, outcome: Outcome) -> None:
        self._out -= 1
        self._source.finish(job, outcome)
