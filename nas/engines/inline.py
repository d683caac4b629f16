"""Scores in the driver's own process: for debuggers, notebooks and machines without Ray."""

from __future__ import annotations

from nas.engines.base import JobSource, Outcome, Resources
from nas.engines.worker import Worker
from proxy_tasks.task import Job, Measurement, ProxyTask


class InlineEngine:
    """One job after the other, with as many threads as ``resources.cpus``."""

    def __init__(self, resources: Resources) -> None:
        self._threads = resources.cpus

    def run(self, task: ProxyTask, source: JobSource) -> None:
        worker = Worker(task, self._threads)
        while not source.done:
            job = source.next()
            if job is None:
                raise RuntimeError("the source has no job although nothing is running")
            source.finish(job, self._score(worker, job, source))

    def _score(self, worker: Worker, job: Job, source: JobSource) -> Outcome:
        worker.start(job)
        while True:
            outcome, final = worker.step()
            if final:
                return outcome
            if isinstance(outcome, Measurement):
                source.progress(job, outcome)
