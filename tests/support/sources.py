"""A finite source of jobs, for tests of what runs them."""

from __future__ import annotations

from collections import deque

from nas.engines.base import Crash, Outcome
from proxy_tasks.task import Fidelity, Job, Measurement
from search_space import catalog
from search_space.scales import Scale

FIDELITY = Fidelity(epochs=2, size=(32, 32), scale=Scale())


class Recorder:
    """Keeps what it is told. A crashed job comes again, as often as ``retries`` says."""

    def __init__(
        self,
        count: int,
        fidelity: Fidelity = FIDELITY,
        stoppable: bool = False,
        retries: int = 1,
    ) -> None:
        backbone = catalog.load("spinenet-49")
        jobs = (Job(n, f"job-{n}", backbone, fidelity, stoppable=stoppable) for n in range(count))
        self.waiting = deque(jobs)
        self.out: set[int] = set()
        self.most_out = 0
        self.epochs: list[tuple[int, int]] = []
        self.outcomes: dict[int, list[Outcome]] = {}
        self._retries = retries

    @property
    def done(self) -> bool:
        return not self.waiting and not self.out

    @property
    def crashes(self) -> list[Crash]:
        told = (outcome for outcomes in self.outcomes.values() for outcome in outcomes)
        return [outcome for outcome in told if isinstance(outcome, Crash)]

    @property
    def scored(self) -> list[int]:
        """Numbers of the jobs with a measurement, once for each."""
        told = self.outcomes.items()
        return [n for n, outcomes in told for each in outcomes if isinstance(each, Measurement)]

    def next(self) -> Job | None:
        if not self.waiting:
            return None
        job = self.waiting.popleft()
        self.out.add(job.number)
        self.most_out = max(self.most_out, len(self.out))
        return job

    def progress(self, job: Job, measurement: Measurement) -> None:
        self.epochs.append((job.number, measurement.epochs))

    def finish(self, job: Job, outcome: Outcome) -> None:
        self.out.remove(job.number)
        self.outcomes.setdefault(job.number, []).append(outcome)
        if isinstance(outcome, Crash) and len(self.outcomes[job.number]) <= self._retries:
            self.waiting.append(job)
