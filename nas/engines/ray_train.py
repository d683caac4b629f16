"""One training by several processes, which Ray Train starts, joins to a group and watches.

To an engine it is a task like any other: its worker needs no core itself and waits for the
processes. So queues, retries, loggers and deadlines are those of a training by one process.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.5")  # as soon is a loss told
# Importing torch takes a starved machine minutes, and a start that is broken off begins anew.
os.environ.setdefault("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", "600")
os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")  # a relative path means the same in a process

from ray import train
from ray.exceptions import RayActorError
from ray.train.torch import TorchTrainer
from ray.util.queue import Empty, Queue

from nas.engines.base import Crash, Crashed, Outcome, Trouble
from nas.engines.lost import lost
from nas.engines.worker import Worker
from proxy_tasks.processes import Group
from proxy_tasks.task import Failure, Job, Measurement, ProxyTask

LISTEN = 0.5
"""Seconds to wait for news at a time."""


@dataclass(frozen=True)
class DataParallelTask:
    """``task`` by ``processes`` processes for each job, with so many ``cpus`` and ``gpus`` each (a
    whole GPU, or none: NCCL knows no shares)."""

    task: ProxyTask
    processes: int
    cpus: int
    gpus: float

    def score(self, job: Job) -> Iterator[Measurement]:
        """As the task does.

        Raises:
            Crashed: when a process was lost, or raised.
        """
        with tempfile.TemporaryDirectory(prefix="nas-train-") as folder:
            mailbox = Queue(actor_options={"num_cpus": 0})
            trained = _in_background(self._trainer(job, mailbox, folder))
            ends = []
            for outcome in _heard(mailbox, trained):
                if isinstance(outcome, Measurement) and not job.ends_with(outcome):
                    yield outcome
                else:
                    ends.append(outcome)
            mailbox.shutdown()
        yield _end(ends, trained.exception())

    def _trainer(self, job: Job, mailbox: Queue, folder: str) -> TorchTrainer:
        given = {"task": self.task, "job": job, "threads": self.cpus, "mailbox": mailbox}
        return TorchTrainer(
            _train,
            train_loop_config=given,
            scaling_config=train.ScalingConfig(
                num_workers=self.processes,
                use_gpu=self.gpus > 0,
                resources_per_worker={"CPU": self.cpus, "GPU": self.gpus},
            ),
            run_config=train.RunConfig(
                name="training",
                storage_path=folder,  # for Ray Train's own books: checkpoints are the task's affair
                failure_config=train.FailureConfig(max_failures=0),  # the source retries
            ),
        )


def _train(given: dict[str, Any]) -> None:
    """What runs in each process; the leading one tells every outcome, any of them a bad end."""
    worker, job, leads = Worker(given["task"], given["threads"]), given["job"], Group.joined().leads
    worker.start(job)
    final = False
    while not final:
        outcome, final = worker.step()
        alone = _is_of_this_process(outcome)
        if leads or alone:
            given["mailbox"].put(outcome)
        if alone:
            raise RuntimeError("ends the other processes, which wait for this one")


def _is_of_this_process(outcome: Outcome) -> bool:
    """Whether the others know nothing of it: an exception, or a full memory."""
    return isinstance(outcome, Crash) or outcome.failure is Failure.TOO_LARGE


def _in_background(trainer: TorchTrainer) -> Future[object]:
    """The trainer's result. No executor: it would wait for the trainer when this process ends."""
    trained: Future[object] = Future()

    def fit() -> None:
        try:
            trained.set_result(trainer.fit())
        except BaseException as error:
            trained.set_exception(error)

    threading.Thread(target=fit, daemon=True).start()
    return trained


def _heard(mailbox: Queue, trained: Future[object]) -> Iterator[Outcome]:
    """Outcomes as they come, until the training is over and none is left."""
    while True:
        over = trained.done()
        try:
            yield mailbox.get(timeout=LISTEN)
        except Empty:
            if over:
                return


def _end(told: list[Outcome], error: BaseException | None) -> Measurement:
    """How a job ended by what its processes told, and by what Ray Train raised. One that was lost
    tells nothing, and the others only that they miss it."""
    for outcome in told:
        if isinstance(outcome, Measurement):
            return outcome
        if outcome.trouble is not Trouble.LOST:
            raise Crashed(outcome)
    assert error is not None, "a training ended without a result"
    if _is_loss(error):
        raise Crashed(lost(error)) from error
    raise error


def _is_loss(error: BaseException) -> bool:
    """Whether processes were lost: while they trained, or while Ray Train still set them up."""
    if isinstance(error, train.ControllerError):
        return isinstance(error.controller_failure, RayActorError)
    return isinstance(error, train.WorkerGroupError)
