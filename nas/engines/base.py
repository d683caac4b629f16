"""What an engine is: it runs jobs from a source on workers, and tells the source what came out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from proxy_tasks.task import Job, Measurement, ProxyTask


class Trouble(StrEnum):
    """What can keep a job from an outcome, through no fault of its network."""

    LOST = "lost"
    HUNG = "hung"
    CROWDED = "crowded"
    DISK = "disk"
    INPUT = "input"
    BUG = "bug"


@dataclass(frozen=True)
class Crash:
    """A job that gave no measurement: its worker or node was lost, or hung and was ended; a GPU
    that it shares ran out of memory (crowded); its disk is full; its data or another file cannot be
    used (input), which a person puts right; or something else raised. What raised has a
    ``traceback``.

    ``error`` is one line, the same for the same bug.
    """

    trouble: Trouble
    error: str
    traceback: str = ""


class Crashed(Exception):
    """For a task to raise that had others work for it, and knows what befell them."""

    def __init__(self, crash: Crash) -> None:
        super().__init__(crash)
        self.crash = crash


Outcome = Measurement | Crash


class JobSource(Protocol):
    """Where jobs come from and where their outcomes go. Called from one thread only."""

    @property
    def done(self) -> bool:
        """No job will come any more, and none is out."""
        ...

    def next(self) -> Job | None:
        """The next job to start, or None when there is none at present.

        It may be one that ended before, with more epochs: its task goes on from the checkpoint that
        it kept under the job's name, on whatever worker is free. Engines keep nothing of a job that
        ended, and no worker waits for its next one.
        """
        ...

    def progress(self, job: Job, measurement: Measurement) -> None:
        """An epoch of a job that goes on."""
        ...

    def finish(self, job: Job, outcome: Outcome) -> None:
        """The end of a job. A crashed job may come again from ``next``."""
        ...


@dataclass(frozen=True)
class Resources:
    """What each of ``workers`` workers gets. ``gpus`` may be a fraction, and is what a job gets
    that does not ask for more; on a CPU ``cpus`` is also the number of threads. ``memory`` is that
    of one GPU, in bytes. With several ``processes`` a worker is so many, and each gets that."""

    workers: int
    cpus: int
    gpus: float
    memory: int = 0
    processes: int = 1

    @property
    def all_cpus(self) -> int:
        """Of all workers."""
        return self.workers * self.processes * self.cpus


@dataclass(frozen=True)
class Node:
    """A machine of a cluster, with all that it has, in use or not."""

    id: str
    address: str
    alive: bool
    cpus: int
    gpus: int


class Engine(Protocol):
    """Runs until the source is done. What a source raises stops the engine and passes through."""

    def run(self, task: ProxyTask, source: JobSource) -> None: ...
