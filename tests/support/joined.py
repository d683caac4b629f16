"""A driver that joins a cluster, for tests: a finite source of jobs, run to its end."""

from __future__ import annotations

from collections import deque

from nas import build
from nas.config import EngineConfig
from nas.engines.base import Crash, Outcome
from proxy_tasks.task import Fidelity, Job, Measurement, ProxyTask
from search_space import catalog
from search_space.scales import Scale

FIDELITY = Fidelity(epochs=1, size=(32, 32), scale=Scale())


class Jobs:
    """A finite source; what crashed comes again."""

    def __init__(self, count: int) -> None:
        backbone = catalog.load("spinenet-49")
        self.waiting = deque(Job(n, f"job-{n}", backbone, FIDELITY) for n in range(count))
        self.out = 0
        self.crashes: list[Crash] = []
        self.scored: list[int] = []

    @property
    def done(self) -> bool:
        return not self.waiting and not self.out

    def next(self) -> Job | None:
        if not self.waiting:
            return None
        self.out += 1
        return self.waiting.popleft()

    def progress(self, job: Job, measurement: Measurement) -> None: ...

    def finish(self, job: Job, outcome: Outcome) -> None:
        self.out -= 1
        if isinstance(outcome, Crash):
            self.crashes.append(outcome)
            self.waiting.append(job)
        else:
            self.scored.append(job.number)


def joined(address: str, task: ProxyTask, count: int) -> Jobs:
    """The source at its end, with all workers of the cluster."""
    source = Jobs(count)
    engine = EngineConfig(address=address, device="cpu")
    resources = build.resources(engine)
    assert resources.workers == 2
    build.engine(engine, resources).run(task, source)
    return source
