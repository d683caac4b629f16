"""Which job goes to which worker: tried on workers that answer when a test says so."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import pytest

from nas.engines import dispatch, patience
from nas.engines.base import Crash, Resources, Trouble
from nas.engines.dispatch import Answer, Dispatch, RemoteWorker
from nas.engines.halving import Judge
from nas.engines.patience import Patience
from proxy_tasks.task import Job, Measurement
from tests.support.sources import FIDELITY, Recorder

LAST = Measurement(FIDELITY.epochs, 1, 1, 1.0, miou=0.5)
LOST = Crash(Trouble.LOST, "the worker was lost")


class ByHand:
    """A pool whose workers come, and end their jobs, in the order of ``script``: a worker's number
    for one that comes or ends its job, minus it (less one) for one that is lost, None for a pause.
    When the script is over each does what is next for it."""

    def __init__(self, *script: int | None) -> None:
        self.script = deque(script)
        self.all: list[RemoteWorker] = []
        self.gone: list[int] = []
        self.begun: list[tuple[int, int]] = []
        self.free: list[RemoteWorker] = []

    @property
    def starting(self) -> list[RemoteWorker]:
        return [w for w in self._there() if w.job is None and w not in self.free]

    @property
    def at_work(self) -> list[RemoteWorker]:
        return [w for w in self._there() if w.job is not None]

    def start(self, gpus: float) -> None:
        self.all.append(RemoteWorker(len(self.all), gpus))

    def begin(self, worker: RemoteWorker, job: Job) -> None:
        self.free.remove(worker)
        worker.job = job
        self.begun.append((worker.handle, job.number))

    def go_on(self, worker: RemoteWorker) -> None:
        raise AssertionError("each job ends with its first answer")

    def release(self, worker: RemoteWorker) -> None:
        worker.job = None
        if worker.handle not in self.gone:
            self.free.append(worker)

    def dismiss(self, worker: RemoteWorker) -> None:
        self.gone.append(worker.handle)
        self.free = [other for other in self.free if other is not worker]

    def answers(self, seconds: float) -> list[Answer]:
        busy = [worker.handle for worker in (*self.at_work, *self.starting)]
        number = self.script.popleft() if self.script else busy[0]
        if number is None:
            return []
        worker = self.all[number if number >= 0 else -1 - number]
        if number < 0:
            self.dismiss(worker)
            return [Answer(worker, LOST, True, 1.0)]
        if worker.job is None:
            self.free.append(worker)
            return []
        return [Answer(worker, LAST, True, 1.0)]

    def _there(self) -> list[RemoteWorker]:
        return [worker for worker in self.all if worker.handle not in self.gone]


def run(source: Recorder, pool: ByHand, workers: int, gpus: float = 0.0) -> None:
    resources = Resources(workers, 1, gpus)
    Dispatch(source, pool, resources, Judge(None), Patience(10.0)).run()


def with_shares(*shares: float) -> Recorder:
    """Jobs that need so much of a GPU."""
    source = Recorder(len(shares))
    jobs = zip(source.waiting, shares, strict=True)
    source.waiting = deque(replace(job, gpu=share) for job, share in jobs)
    return source


def test_a_free_worker_takes_a_new_job_and_leaves_the_waiting_one_to_the_worker_that_starts() -> (
    None
):
    pool = ByHand(0, 0, 0, 1)
    run(Recorder(4), pool, workers=2)
    assert pool.begun[:4] == [(0, 0), (0, 2), (0, 3), (1, 1)]


def test_a_job_that_waited_for_too_long_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = ByHand(0, 0)
    source = Recorder(4)
    monkeypatch.setattr(dispatch, "STARTS_WITHIN", -1.0)
    run(source, pool, workers=2)
    assert [job for _, job in pool.begun] == [0, 1, 2, 3]


def test_no_more_workers_are_started_than_there_are_jobs() -> None:
    pool = ByHand()
    run(Recorder(2), pool, workers=5)
    assert len(pool.all) == 2


def test_a_job_that_comes_again_waits_for_a_worker_that_is_starting_anyway() -> None:
    pool = ByHand(0, 0, -1)
    run(Recorder(2), pool, workers=2)
    assert pool.begun == [(0, 0), (0, 1), (1, 1)]
    assert len(pool.all) == 2


def test_a_worker_that_is_lost_before_it_comes_costs_a_job_another_go_and_not_the_run() -> None:
    pool, source = ByHand(-1), Recorder(1)
    run(source, pool, workers=1)
    assert source.outcomes[0] == [LOST, LAST]
    assert pool.begun == [(1, 0)]


def test_a_worker_of_another_share_makes_way_for_a_job_that_waits() -> None:
    """There is room for two small ones, or for one that takes the whole GPU."""
    pool = ByHand(0, 0)
    run(with_shares(0.5, 1.0), pool, workers=1, gpus=0.5)
    assert pool.gone == [0]
    assert [worker.gpus for worker in pool.all] == [0.5, 1.0]
    assert pool.begun == [(0, 0), (1, 1)]


def test_small_jobs_without_end_do_not_keep_a_large_one_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is asked for no new ones until both small workers have made way."""
    monkeypatch.setattr(dispatch, "STARTS_WITHIN", -1.0)
    pool = ByHand(0, 1, 0, 1, 2, 2)
    run(with_shares(0.5, 0.5, 1.0, 0.5, 0.5), pool, workers=2, gpus=0.5)
    assert pool.gone[:2] == [0, 1]
    assert pool.begun[:3] == [(0, 0), (1, 1), (2, 2)]


def test_workers_without_jobs_end_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "REST", -1.0)
    pool = ByHand(0, 1, 0, None, 1)
    run(Recorder(2), pool, workers=2)
    assert pool.gone == [0]


def test_a_worker_that_takes_too_long_is_ended_and_its_job_told_as_hung(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patience, "PEERS", 1)
    monkeypatch.setattr(patience, "LEAST", -1.0)
    pool, source = ByHand(0, 0, None), Recorder(2, retries=0)
    Dispatch(source, pool, Resources(1, 1, 0), Judge(None), Patience(-1.0)).run()
    (crash,) = source.crashes
    assert crash.trouble is Trouble.HUNG
    assert pool.gone == [0]


def test_a_source_that_waits_for_nothing_is_an_error_and_no_endless_loop() -> None:
    class Stuck(Recorder):
        done = False

    with pytest.raises(RuntimeError, match="no job although nothing is running"):
        run(Stuck(0), ByHand(), workers=1)
