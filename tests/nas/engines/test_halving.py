"""Who is stopped on the way: asynchronous successive halving, as Li et al. describe it."""

from __future__ import annotations

from dataclasses import replace

from nas.engines.halving import Halving, Judge
from proxy_tasks.task import Job, Measurement
from search_space import catalog
from tests.support.sources import FIDELITY

JOB = Job(0, "job", catalog.load("spinenet-49"), replace(FIDELITY, epochs=9), stoppable=True)


def stops(judge: Judge, number: int, epoch: int, miou: float | None) -> bool:
    measured = Measurement(epoch, 1, 1, 1.0, miou=miou)
    return judge.stops(replace(JOB, number=number), measured)


def test_the_best_part_of_those_that_came_so_far_goes_on() -> None:
    judge = Judge(Halving("miou", 9, 1, 3))
    found = [stops(judge, n, 1, miou) for n, miou in enumerate((0.3, 0.2, 0.4, 0.3, 0.4))]
    assert found == [False, True, False, True, False]


def test_a_job_is_judged_once_a_rung_and_not_at_its_end() -> None:
    judge = Judge(Halving("miou", 9, 1, 3))
    assert [stops(judge, 0, epoch, 0.5) for epoch in range(1, 10)] == [False] * 9
    found = [stops(judge, 1, epoch, 0.6 if epoch < 3 else 0.1) for epoch in range(1, 10)]
    assert found == [False, False, True, False, False, False, False, False, False]


def test_what_ended_before_counts_as_it_did() -> None:
    judge = Judge(Halving("miou", 9, 1, 3, curves=((0.5, None, 0.9), (0.5,), ())))
    assert not stops(judge, 0, 1, 0.5)
    assert stops(judge, 0, 3, 0.8)


def test_less_is_better_of_a_loss_and_no_score_says_nothing() -> None:
    judge = Judge(Halving("loss", 9, 1, 2))

    def behind(number: int, loss: float | None) -> bool:
        measured = Measurement(1, 1, 1, 1.0, loss=loss)
        return judge.stops(replace(JOB, number=number), measured)

    assert [behind(n, loss) for n, loss in enumerate((1.0, None, 2.0, 0.5))] == [
        False,
        False,
        True,
        False,
    ]
    assert not Judge(None).stops(JOB, Measurement(1, 1, 1, 1.0, loss=9.0))
