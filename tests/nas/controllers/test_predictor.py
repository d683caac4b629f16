"""The surrogate's search: acquisition, ranks, and what it makes of noise and of parallel trials."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from nas.controllers.gaussian_process import GaussianProcess
from nas.controllers.predictor import (
    MOST,
    Predictor,
    _fitted_count,
    _subset,
    expected_improvement,
    normal_scores,
)
from search_space.errors import UserError
from search_space.tabular import TabularSpace
from tests.contracts.test_controllers import SPACE, Run

TABLE = TabularSpace({"".join(c): {"accuracy": 0.0} for c in product("0123", repeat=5)})


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 1.0), (-1.5, 0.7), (2.0, 0.3)])
def test_expected_improvement_is_the_integral_that_it_stands_for(
    mean: float, deviation: float
) -> None:
    best = 0.4
    wanted, _ = quad(lambda f: (f - best) * norm.pdf(f, mean, deviation), best, 12, limit=200)
    found = expected_improvement(np.array([mean]), np.array([deviation]), best)
    assert found[0] == pytest.approx(wanted, rel=1e-6)


def test_normal_scores_keep_order_share_ties_and_mind_no_outlier() -> None:
    found = normal_scores([0.3, float("-inf"), 0.7, 0.3, 1e9])
    quantiles = norm.ppf([0.1, 0.4, 0.7, 0.9])
    assert found == pytest.approx(quantiles[[1, 0, 2, 1, 3]])


def test_it_finds_the_best_row_of_an_additive_table_in_a_fraction_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def score(key: str) -> float:
        return sum(int(c) * w for c, w in zip(key[-5:], (1, 5, 2, 4, 3), strict=True)) / 45

    monkeypatch.setattr("tests.contracts.test_controllers.score", score)
    run = Run(Predictor(TABLE, 0, pool=100), TABLE)
    run.go(45)
    assert "33333" in {trial.key for trial in run.trials}  # of 1024


def test_the_running_are_told_to_the_process_and_the_failed_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    pending = GaussianProcess.with_pending

    def watch(self: GaussianProcess, features: np.ndarray) -> GaussianProcess:
        seen.append(len(features))
        return pending(self, features)

    monkeypatch.setattr(GaussianProcess, "with_pending", watch)
    run = Run(Predictor(SPACE, 0, initial=4, pool=8))
    run.go(4)
    for _ in range(3):
        run.ask()
    run.lose(5)
    run.ask()
    assert seen == [0, 1, 2, 2]


def test_of_many_trials_the_best_and_the_latest_are_kept() -> None:
    run = Run(Predictor(SPACE, 0))
    run.go(1)
    base = run.trials[0]
    assert base.measurement is not None
    scored = [
        replace(base, number=i, measurement=replace(base.measurement, miou=i % 500 / 500))
        for i in range(1000)
    ]
    kept = _subset(scored)
    assert len(kept) == len({trial.number for trial in kept}) == MOST
    assert {trial.number for trial in kept} >= set(range(1000 - MOST // 2, 1000))
    assert min(trial.score or 0.0 for trial in kept if trial.number < 800) == 0.6


def test_the_kernel_is_fitted_ever_more_rarely() -> None:
    counts = sorted({_fitted_count(10, n) for n in range(10, 3000)})
    assert counts[:5] == [10, 11, 12, 13, 14]
    assert len(counts) < 60
    assert all(1.12 < b / a < 1.15 for a, b in zip(counts[-20:], counts[-19:], strict=False))


@pytest.mark.parametrize("name", ["initial", "pool", "elite"])
def test_sizes_below_two_are_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"{name} must be at least 2 but got 1"):
        Predictor(SPACE, 0, **{name: 1})
