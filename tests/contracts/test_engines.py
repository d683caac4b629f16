"""Every engine: each job runs to its end, outcomes reach the source, trouble is told apart."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import replace
from pathlib import Path

import pytest

from nas.engines.base import Crash, Engine, Halving, Outcome, Resources
from nas.engines.inline import InlineEngine
from proxy_tasks.task import Fidelity, Job, Measurement
from search_space import catalog
from search_space.scales import Scale
from tests.support.runs import UNSTARVED
from tests.support.tasks import KeyTask, SlopeTask, TroubledTask, worth

FIDELITY = Fidelity(epochs=2, size=(32, 32), scale=Scale())
FOUR = replace(FIDELITY, epochs=4)


class Recorder:
    """A finite source that keeps what it is told, and retries a crashed job once."""

    def __init__(self, count: int, fidelity: Fidelity = FIDELITY, stoppable: bool = False) -> None:
        backbone = catalog.load("spinenet-49")
        jobs = (Job(n, f"job-{n}", backbone, fidelity, stoppable=stoppable) for n in range(count))
        self.waiting = deque(jobs)
        self.out: set[int] = set()
        self.most_out = 0
        self.epochs: list[tuple[int, int]] = []
        self.outcomes: dict[int, list[Outcome]] = {}

    @property
    def done(self) -> bool:
        return not self.waiting and not self.out

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
        if isinstance(outcome, Crash) and len(self.outcomes[job.number]) == 1:
            self.waiting.append(job)


@pytest.fixture(scope="module")
def _ray():
    os.environ.update(UNSTARVED)
    import ray

    from nas.engines import ray_tune

    ray_tune.start_local(cpus=2)
    yield
    ray.shutdown()


@pytest.fixture(params=["inline", "ray"])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "inline":
        return InlineEngine(Resources(1, 1, 0))
    request.getfixturevalue("_ray")
    from nas.engines.ray_tune import RayTuneEngine

    return RayTuneEngine(Resources(2, 1, 0))


def test_every_job_ends_once_with_its_last_measurement(engine: Engine) -> None:
    source = Recorder(5)
    engine.run(KeyTask(), source)
    assert sorted(source.outcomes) == [0, 1, 2, 3, 4]
    for outcomes in source.outcomes.values():
        (outcome,) = outcomes
        assert isinstance(outcome, Measurement)
        assert outcome.epochs == FIDELITY.epochs
        assert outcome.miou == worth(Job(0, "", catalog.load("spinenet-49"), FIDELITY))


def test_every_epoch_is_reported(engine: Engine) -> None:
    source = Recorder(2)
    engine.run(KeyTask(), source)
    assert {(0, 1), (1, 1)} <= set(source.epochs)


def test_no_more_jobs_are_out_than_there_are_workers(engine: Engine) -> None:
    source = Recorder(5)
    engine.run(KeyTask(), source)
    assert source.most_out <= 2


def test_an_exception_is_a_crash_with_its_traceback_and_the_worker_goes_on(
    engine: Engine, tmp_path: Path
) -> None:
    source = Recorder(3)
    engine.run(TroubledTask(tmp_path, "raise"), source)
    crash, retried = source.outcomes[1]
    assert isinstance(crash, Crash)
    assert "the disk hiccuped" in crash.error
    assert "_misbehave" in crash.traceback
    assert isinstance(retried, Measurement)
    assert isinstance(source.outcomes[2][0], Measurement)


def test_a_failure_of_the_architecture_is_a_measurement(engine: Engine, tmp_path: Path) -> None:
    source = Recorder(2)
    engine.run(TroubledTask(tmp_path, "diverge"), source)
    (outcome,) = source.outcomes[1]
    assert isinstance(outcome, Measurement)
    assert outcome.failure == "diverged"


def test_what_the_source_raises_ends_the_run_and_passes_through(engine: Engine) -> None:
    source = Recorder(3)

    def finish(job: Job, outcome: Outcome) -> None:
        raise LookupError("the ledger is full")

    source.finish = finish  # type: ignore[method-assign]
    with pytest.raises(LookupError, match="the ledger is full"):
        engine.run(KeyTask(), source)


@pytest.mark.parametrize("engine", ["ray"], indirect=True)
def test_a_killed_worker_is_a_crash_without_traceback_and_the_job_can_be_run_again(
    engine: Engine, tmp_path: Path
) -> None:
    source = Recorder(3)
    engine.run(TroubledTask(tmp_path, "die"), source)
    crash, retried = source.outcomes[1]
    assert isinstance(crash, Crash)
    assert crash.traceback == ""
    assert isinstance(retried, Measurement)
    assert isinstance(source.outcomes[2][0], Measurement)


@pytest.mark.usefixtures("_ray")
def test_trainings_that_fall_behind_are_stopped_by_ray() -> None:
    from nas.engines.ray_tune import RayTuneEngine

    def stopped(source: Recorder, *curves: tuple[float, ...]) -> dict[int, int]:
        """Epochs of each job."""
        halving = Halving("miou", FOUR.epochs, 1, 2, curves)
        RayTuneEngine(Resources(1, 1, 0), halving=halving).run(SlopeTask(), source)
        outcomes = {number: found[0] for number, found in source.outcomes.items()}
        return {n: o.epochs for n, o in outcomes.items() if isinstance(o, Measurement)}

    # Each job is worse than the one before, from its first epoch on.
    assert stopped(Recorder(4, FOUR, stoppable=True)) == {0: 4, 1: 1, 2: 1, 3: 1}
    assert stopped(Recorder(3, FOUR)) == {0: 4, 1: 4, 2: 4}
    # What ended before counts: 0.99 after two epochs is more than any job comes to.
    assert stopped(Recorder(1, FOUR, stoppable=True), (0.0, 0.99)) == {0: 2}
