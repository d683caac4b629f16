"""Shares of a GPU: as large as predicted, corrected by what was measured, doubled when crowded."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import pytest

from nas.engines.base import Crash, Outcome, Trouble
from nas.engines.sizing import CONTEXT, Sized, Sizing
from proxy_tasks.task import Failure, Fidelity, Job, Measurement
from search_space import catalog
from search_space.scales import Scale

GIB = 2**30
JOBS = [
    Job(n, f"job-{n}", catalog.load("spinenet-49"), Fidelity(2, (32, 32), Scale()))
    for n in range(4)
]


def sizing(needs: int, memory: int = 16 * GIB, least: float = 0.125) -> Sizing:
    return Sizing(least, memory, lambda job: needs)


@pytest.mark.parametrize(
    ("needs", "share"),
    [
        (2 * GIB - CONTEXT, 0.125),
        (2 * GIB - CONTEXT + 1, 0.25),
        (8 * GIB, 1.0),
        (100 * GIB, 1.0),
    ],
)
def test_a_share_holds_what_is_predicted_and_is_no_larger(needs: int, share: float) -> None:
    assert sizing(needs).share(JOBS[0]) == share


def test_a_gpu_of_unknown_size_is_shared_evenly() -> None:
    assert sizing(100 * GIB, memory=0).share(JOBS[0]) == 0.125


def test_shares_of_thirds_end_at_the_whole() -> None:
    assert sizing(9 * GIB, least=1 / 3).share(JOBS[0]) == pytest.approx(2 / 3)
    assert sizing(12 * GIB, least=1 / 3).share(JOBS[0]) == 1.0


def test_what_trainings_took_corrects_the_prediction() -> None:
    size = sizing(GIB)
    assert size.share(JOBS[0]) == 0.125
    for job in JOBS[:3]:
        size.measured(job, 3 * GIB)
    assert size.share(JOBS[3]) == 0.25
    for job in JOBS[:3] * 2:
        size.measured(job, GIB)  # the middle one counts, not the last or the largest
    assert size.share(JOBS[3]) == 0.125


class Source:
    def __init__(self) -> None:
        self.waiting, self.told = deque(JOBS[:1]), []  # type: ignore[var-annotated]

    @property
    def done(self) -> bool:
        return not self.waiting

    def next(self) -> Job | None:
        return self.waiting.popleft() if self.waiting else None

    def progress(self, job: Job, measurement: Measurement) -> None:
        self.told.append(measurement)

    def finish(self, job: Job, outcome: Outcome) -> None:
        self.told.append(outcome)
        self.waiting.append(job)


def test_a_job_that_was_crowded_comes_back_with_twice_the_share() -> None:
    source = Source()
    sized = Sized(source, sizing(GIB))
    shares = []
    for _ in range(5):
        job = sized.next()
        assert job is not None
        shares.append(job.gpu)
        sized.finish(job, Crash(Trouble.CROWDED, "OutOfMemoryError"))
    assert shares == [0.125, 0.25, 0.5, 1.0, 1.0]
    assert len(source.told) == 5


def test_only_trainings_that_ran_correct_the_prediction() -> None:
    source = Source()
    sized = Sized(source, sizing(GIB))
    for outcome in (
        Measurement(0, 1, 1, 0.0, peak_memory=9 * GIB, failure=Failure.TOO_SLOW),
        Crash(Trouble.LOST, "the worker was lost"),
    ):
        job = sized.next()
        assert job is not None
        sized.finish(job, outcome)
    job = sized.next()
    assert job is not None
    assert job.gpu == 0.125
    sized.finish(job, Measurement(2, 1, 1, 0.0, miou=0.5, peak_memory=3 * GIB))
    assert sized.next() == replace(JOBS[0], gpu=0.25)
    assert sized.next() is None
    assert not isinstance(source.told[-1], Crash)
