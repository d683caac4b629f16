"""What runs inside a worker, whichever engine started it."""

from __future__ import annotations

import traceback
from collections.abc import Iterator

import torch

from nas.engines.base import Crash, Crashed, Outcome, Trouble
from proxy_tasks.processes import PeerLost
from proxy_tasks.task import Job, Measurement, ProxyTask
from search_space.errors import UserError
from search_space.files import FULL, REFUSED


class Worker:
    """Scores one job at a time, an epoch per step. Exceptions become a Crash, never a bad score."""

    def __init__(self, task: ProxyTask, threads: int) -> None:
        torch.set_num_threads(threads)
        self._task = task
        self._job: Job
        self._steps: Iterator[Measurement]

    def start(self, job: Job) -> None:
        """Take up a job; what was left of an earlier one is dropped."""
        self._job, self._steps = job, self._task.score(job)

    def step(self) -> tuple[Outcome, bool]:
        """The next epoch's outcome, and whether it ends the job."""
        try:
            measurement = next(self._steps)
        except Crashed as error:
            return error.crash, True
        except Exception as error:
            return _crash(error), True
        return measurement, self._job.ends_with(measurement)


def _crash(error: Exception) -> Crash:
    place = traceback.extract_tb(error.__traceback__)[-1]
    line = f"{type(error).__name__}: {error} (in {place.name}, line {place.lineno})"
    if isinstance(error, UserError):  # the line says it all
        return Crash(_trouble(error), " ".join(str(error).split()), "")
    trace = "".join(traceback.format_exception(error))
    return Crash(_trouble(error), " ".join(line.split()), trace)


def _trouble(error: Exception) -> Trouble:
    if isinstance(error, torch.OutOfMemoryError):  # alone it would be a measurement
        return Trouble.CROWDED
    system = error.__cause__ if isinstance(error, UserError) else error
    if isinstance(system, OSError) and system.errno in FULL:
        return Trouble.DISK
    refused = isinstance(error, OSError) and error.errno in REFUSED and error.filename
    if isinstance(error, UserError) or refused:
        return Trouble.INPUT
    if isinstance(error, PeerLost):
        return Trouble.LOST
    return Trouble.BUG
