"""Workers as Ray actors, by Ray's public interface: remote, wait, get, put and kill."""

from __future__ import annotations

import time
from typing import Any, Self

from nas.engines import vigil
from nas.engines.base import Crash, Outcome, Resources, Trouble
from nas.engines.dispatch import Answer, RemoteWorker
from nas.engines.lost import lost
from nas.engines.ray_start import ray
from nas.engines.worker import Worker
from proxy_tasks.task import Job, ProxyTask

Step = tuple[Outcome, bool]
"""An epoch's outcome, and whether it ends the job."""


class TrainingWorker:
    """What runs in an actor's process."""

    def __init__(self, task: ProxyTask, threads: int) -> None:
        self._worker = Worker(task, threads)

    def come(self) -> None:
        """Answers as soon as the process is there."""

    def begin(self, job: Job) -> Step:
        """A job's first epoch."""
        self._worker.start(job)
        return self._worker.step()

    def go_on(self) -> Step:
        """Its next one."""
        return self._worker.step()


class RayPool:
    """See ``Pool``. All workers end with the context. One that waits for its place on a node is a
    demand that an autoscaler sees."""

    def __init__(self, task: ProxyTask, resources: Resources) -> None:
        self._task, self._threads = ray.put(task), resources.cpus
        # With several processes it only waits: Ray Train gets what they need.
        self._cpus = resources.cpus if resources.processes == 1 else 0
        self._actor = ray.remote(TrainingWorker)  # anew, as Ray forgets it when it shuts down
        self._all: set[RemoteWorker] = set()
        self._asked: dict[Any, RemoteWorker] = {}
        self.free: list[RemoteWorker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for worker in list(self._all):
            self.dismiss(worker)

    @property
    def starting(self) -> list[RemoteWorker]:
        return [worker for worker in self._asked.values() if worker.job is None]

    @property
    def at_work(self) -> list[RemoteWorker]:
        return [worker for worker in self._asked.values() if worker.job is not None]

    def start(self, gpus: float) -> None:
        actor = self._actor.options(num_cpus=self._cpus, num_gpus=gpus)
        worker = RemoteWorker(actor.remote(self._task, self._threads), gpus)
        self._all.add(worker)
        self._ask(worker, worker.handle.come.remote())

    def begin(self, worker: RemoteWorker, job: Job) -> None:
        self.free.remove(worker)
        worker.job = job
        self._ask(worker, worker.handle.begin.remote(job))

    def go_on(self, worker: RemoteWorker) -> None:
        self._ask(worker, worker.handle.go_on.remote())

    def release(self, worker: RemoteWorker) -> None:
        worker.job = None
        if worker in self._all:
            self.free.append(worker)

    def dismiss(self, worker: RemoteWorker) -> None:
        ray.kill(worker.handle)
        self._all.discard(worker)
        self._asked.pop(worker.question, None)
        if worker in self.free:
            self.free.remove(worker)

    def answers(self, seconds: float) -> list[Answer]:
        if not self._asked:
            return []
        ray.wait(list(self._asked), timeout=seconds)
        vigil.check()
        ready, _ = ray.wait(list(self._asked), num_returns=len(self._asked), timeout=0)
        return [answer for question in ready if (answer := self._answer(question))]

    def _ask(self, worker: RemoteWorker, question: Any) -> None:
        worker.question, worker.asked = question, time.monotonic()
        self._asked[question] = worker

    def _answer(self, question: Any) -> Answer | None:
        """None from a worker that has just come."""
        worker = self._asked.pop(question)
        seconds = time.monotonic() - worker.asked
        try:
            step: Step | None = ray.get(question)
        except ray.exceptions.RayError as error:
            self.dismiss(worker)  # it may only be out of reach, and train on
            return Answer(worker, _crash(error), True, seconds)
        if step is None:
            self.free.append(worker)
            return None
        return Answer(worker, *step, seconds)


def _crash(error: Exception) -> Crash:
    """An actor's end; or what it raised outside of a training, which is a bug."""
    raised = isinstance(error, ray.exceptions.RayTaskError)
    if not raised and not getattr(error, "actor_init_failed", False):
        return lost(error)
    trace = str(error).strip()
    return Crash(Trouble.BUG, trace.splitlines()[-1], trace)
