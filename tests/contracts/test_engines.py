"""Every engine: each job runs to its end, outcomes reach the source, trouble is told apart."""

from __future__ import annotations

import gc
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from weakref import ReferenceType, ref

import pytest

from nas.engines import patience
from nas.engines.base import Crash, Engine, Halving, Outcome, Resources, Trouble
from nas.engines.inline import InlineEngine
from nas.engines.tracking import Tracking
from nas.logger_config import TensorBoardConfig
from proxy_tasks.task import Job, Measurement
from search_space import catalog
from tests.support.event_files import curves
from tests.support.runs import UNSTARVED
from tests.support.sources import FIDELITY, Recorder
from tests.support.tasks import KeyTask, PresentTask, SlopeTask, TroubledTask, worth

SPEC = catalog.load("spinenet-49")
FOUR = replace(FIDELITY, epochs=4)


@pytest.fixture(scope="module")
def _ray() -> Iterator[None]:
    os.environ.update(UNSTARVED)
    import ray

    from nas.engines import ray_tune

    ray_tune.start_local(cpus=2)
    yield
    ray.shutdown()


@pytest.fixture(scope="module", params=["inline", "ray"])
def engine(request: pytest.FixtureRequest) -> Engine:
    if request.param == "inline":
        return InlineEngine(Resources(1, 1, 0))
    request.getfixturevalue("_ray")
    from nas.engines.ray_tune import RayTuneEngine

    return RayTuneEngine(Resources(2, 1, 0))


RAISES, DIVERGES, CROWDS, DIES, COUNT = 1, 2, 3, 4, 7


@pytest.fixture(scope="module")
def told(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    """A source at the end of a run with every trouble; read by many tests, as each Ray worker
    costs seconds of imports. Only on Ray does a worker die: inline it would be pytest."""
    troubles = {RAISES: "raise", DIVERGES: "diverge", CROWDS: "crowd"}
    if not isinstance(engine, InlineEngine):
        troubles[DIES] = "die"
    source = Recorder(COUNT)
    engine.run(TroubledTask(tmp_path_factory.mktemp("marks"), troubles), source)
    return source


def is_whole(outcome: Outcome) -> bool:
    return (
        isinstance(outcome, Measurement)
        and outcome.failure is None
        and outcome.epochs == FIDELITY.epochs
        and outcome.miou == worth(Job(0, "", SPEC, FIDELITY))
    )


def test_every_job_ends_once_with_its_last_measurement(told: Recorder) -> None:
    assert sorted(told.outcomes) == list(range(COUNT))
    for number in {0, 5, 6}:
        (outcome,) = told.outcomes[number]
        assert is_whole(outcome)


def test_every_epoch_is_reported(told: Recorder) -> None:
    assert {(number, 1) for number in (0, 1, 3, 4, 5, 6)} <= set(told.epochs)


def test_no_more_jobs_are_out_than_there_are_workers(told: Recorder) -> None:
    assert told.most_out <= 2


def test_an_exception_is_a_crash_with_its_traceback_and_the_worker_goes_on(told: Recorder) -> None:
    crash, retried = told.outcomes[RAISES]
    assert isinstance(crash, Crash)
    assert crash.trouble is Trouble.BUG
    assert "the disk hiccuped" in crash.error
    assert "_misbehave" in crash.traceback
    assert is_whole(retried)


def test_out_of_memory_is_told_from_a_bug(told: Recorder) -> None:
    crash, retried = told.outcomes[CROWDS]
    assert isinstance(crash, Crash)
    assert crash.trouble is Trouble.CROWDED
    assert is_whole(retried)


def test_a_failure_of_the_architecture_is_a_measurement(told: Recorder) -> None:
    (outcome,) = told.outcomes[DIVERGES]
    assert isinstance(outcome, Measurement)
    assert outcome.failure == "diverged"


@pytest.mark.parametrize("engine", ["ray"], indirect=True)
def test_a_killed_worker_is_a_crash_without_traceback_and_the_job_can_be_run_again(
    told: Recorder,
) -> None:
    crash, retried = told.outcomes[DIES]
    assert crash == Crash(Trouble.LOST, "the worker was lost")
    assert is_whole(retried)


@pytest.mark.usefixtures("_ray")
def test_a_worker_that_hangs_is_ended_and_its_job_can_be_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nas.engines.ray_tune import RayTuneEngine

    monkeypatch.setattr(patience, "LEAST", 8.0)
    source = Recorder(patience.PEERS + 1)
    RayTuneEngine(Resources(1, 1, 0)).run(TroubledTask(tmp_path, {patience.PEERS: "hang"}), source)
    crash, retried = source.outcomes[patience.PEERS]
    assert isinstance(crash, Crash)
    assert crash.trouble is Trouble.HUNG
    assert is_whole(retried)


class Counting(Recorder):
    """Counts the jobs that anybody still holds when the last one is asked for."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.held = 0
        self._given: list[ReferenceType[Job]] = []

    def next(self) -> Job | None:
        job = super().next()
        if job and not self.waiting:
            gc.collect()
            self.held = sum(given() is not None for given in self._given)
        if job:
            self._given.append(ref(job))
        return job


def test_jobs_that_ended_are_forgotten(engine: Engine) -> None:
    source = Counting(12)
    engine.run(KeyTask(), source)
    assert source.held <= 4


class Endless(Recorder):
    """Jobs for as long as it takes."""

    def __init__(self, until: Callable[[], bool]) -> None:
        super().__init__(0)
        self._until = until

    @property
    def done(self) -> bool:
        return self._until() and not self.out

    def next(self) -> Job | None:
        if not self._until():
            number = len(self.outcomes) + len(self.out)
            self.waiting.append(Job(number, f"job-{number}", SPEC, FIDELITY))
        return super().next()


@pytest.mark.usefixtures("_ray")
def test_every_worker_comes_to_work_though_jobs_end_sooner_than_it_starts(tmp_path: Path) -> None:
    from nas.engines.ray_tune import RayTuneEngine

    deadline = time.monotonic() + 60

    def all_came() -> bool:
        return len(os.listdir(tmp_path)) == 2

    source = Endless(until=lambda: all_came() or time.monotonic() > deadline)
    RayTuneEngine(Resources(2, 1, 0)).run(PresentTask(tmp_path), source)
    assert all_came()


def test_what_the_source_raises_ends_the_run_and_passes_through(engine: Engine) -> None:
    source = Recorder(3)

    def finish(job: Job, outcome: Outcome) -> None:
        raise LookupError("the ledger is full")

    source.finish = finish  # type: ignore[method-assign]
    with pytest.raises(LookupError, match="the ledger is full"):
        engine.run(KeyTask(), source)


def epochs_under_halving(source: Recorder, *curves: tuple[float, ...]) -> dict[int, int]:
    """Of each job, on one Ray worker."""
    from nas.engines.ray_tune import RayTuneEngine

    halving = Halving("miou", FOUR.epochs, 1, 2, curves)
    RayTuneEngine(Resources(1, 1, 0), halving=halving).run(SlopeTask(), source)
    outcomes = {number: found[0] for number, found in source.outcomes.items()}
    return {n: o.epochs for n, o in outcomes.items() if isinstance(o, Measurement)}


@pytest.mark.usefixtures("_ray")
def test_trainings_that_fall_behind_are_stopped_by_ray_and_those_that_may_not_be_are_not() -> None:
    """Each job is worse than the one before, from its first epoch on."""
    source = Recorder(6, FOUR, stoppable=True)
    source.waiting = deque(replace(job, stoppable=job.number < 4) for job in source.waiting)
    assert epochs_under_halving(source) == {0: 4, 1: 1, 2: 1, 3: 1, 4: 4, 5: 4}


@pytest.mark.usefixtures("_ray")
def test_what_ended_before_counts_when_trainings_are_stopped() -> None:
    """0.99 after two epochs is more than any job comes to."""
    assert epochs_under_halving(Recorder(1, FOUR, stoppable=True), (0.0, 0.99)) == {0: 2}


@pytest.mark.usefixtures("_ray")
def test_loggers_are_told_of_every_epoch_of_every_job(tmp_path: Path) -> None:
    from nas.engines.ray_tune import RayTuneEngine

    tracking = Tracking((TensorBoardConfig(),), tmp_path, "search", {}, ("road",))
    source = Recorder(3)
    RayTuneEngine(Resources(2, 1, 0), tracking=tracking).run(KeyTask(), source)
    for number in range(3):
        found = curves(tmp_path / "tensorboard" / "search" / f"job-{number}")
        assert [step for step, _ in found["ray/tune/miou"]] == [1, 2]
        assert set(found) >= {f"ray/tune/{name}" for name in ("loss", "soft_miou", "train_loss")}
