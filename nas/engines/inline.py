"""Scores in the driver's own process: for debuggers, notebooks and machines without Ray."""

from __future__ import annotations

from nas.engines.base import Crash, JobSource, Outcome, Resources
from nas.engines.halving import Halving, Judge
from nas.engines.worker import Worker
from proxy_tasks.task import Job, ProxyTask


class InlineEngine:
    """One job after the other, with as many threads as ``resources.cpus``. With ``halving`` jobs
    may end before their last epoch."""

    def __init__(self, resources: Resources, halving: Halving | None = None) -> None:
        self._threads, self._halving = resources.cpus, halving

    def run(self, task: ProxyTask, source: JobSource) -> None:
        worker, judge = Worker(task, self._threads), Judge(self._halving)
        while not source.done:
            if job := source.next():
                source.finish(job, self._score(worker, job, source, judge))
            elif not source.done:
                raise RuntimeError("the source has no job although nothing is running")

    def _score(self, worker: Worker, job: Job, source: JobSource, judge: Judge) -> Outcome:
        worker.start(job)
        while True:
            outcome, final = worker.step()
            if isinstance(outcome, Crash) or judge.stops(job, outcome) or final:
                return outcome
            source.progress(job, outcome)
