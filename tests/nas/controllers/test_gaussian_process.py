"""The posterior and the likelihood against textbook algebra done another way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from nas.controllers.gaussian_process import (
    LEAST_NOISE,
    GaussianProcess,
    Kernel,
    _Objective,
    fit_kernel,
)

GROUPS = (slice(0, 2), slice(2, 3))
LUCK = 0.3


def data(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Values that hang on the first group alone, and on luck."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 3))
    return x, np.sin(2 * x[:, 0]) + x[:, 1] + rng.normal(size=count) * LUCK


def test_posterior_of_two_observations_by_hand() -> None:
    kernel = Kernel((slice(0, 1),), np.array([0.5]), noise=0.25)
    process = GaussianProcess(kernel, np.array([[0.0], [2.0]]), np.array([1.0, -1.0]))
    near, far = np.exp(-0.5), np.exp(-2.0)  # at distance 1 of both; of one another
    diagonal = 1.25 + LEAST_NOISE
    signal = (2 * diagonal + 2 * far) / (diagonal**2 - far**2) / 2
    mean, deviation = process.predict(np.array([[1.0], [0.0]]))
    assert mean[0] == pytest.approx(0, abs=1e-12)  # midway between two opposites
    assert mean[1] == pytest.approx((1 - far) / (diagonal - far))
    assert process.signal == pytest.approx(signal)
    left = 1 - 2 * near**2 / (diagonal + far)
    assert deviation[0] == pytest.approx(np.sqrt(signal * left))


def test_without_noise_it_runs_through_what_was_seen_and_doubts_what_was_not() -> None:
    x, y = data(20)
    process = GaussianProcess(Kernel(GROUPS, np.array([1.0, 1.0]), noise=0.0), x, y)
    mean, deviation = process.predict(np.vstack([x, x + 50]))
    assert mean[:20] == pytest.approx(y, abs=1e-3)
    assert (deviation[:20] < 0.01 * np.sqrt(process.signal)).all()
    assert mean[20:] == pytest.approx(0)
    assert deviation[20:] == pytest.approx(np.sqrt(process.signal))


def test_what_is_pending_leaves_the_mean_and_takes_away_the_doubt() -> None:
    x, y = data(12)
    process = GaussianProcess(Kernel(GROUPS, np.array([0.3, 0.1]), noise=0.05), x, y)
    rng = np.random.default_rng(9)
    pending, points = rng.normal(size=(3, 3)) + 1, rng.normal(size=(40, 3))
    joined = process.with_pending(pending)
    (before, doubt), (after, left) = process.predict(points), joined.predict(points)
    assert after == pytest.approx(before, abs=1e-9)
    assert (left <= doubt + 1e-12).all()
    assert (joined.predict(pending)[1] < 0.7 * process.predict(pending)[1]).all()


def test_gradient_of_the_objective_is_that_of_finite_differences() -> None:
    objective = _Objective(*data(15), GROUPS)
    for theta in (objective.prior, objective.prior + np.array([0.7, -1.1, 1.3])):
        numeric = approx_fprime(theta, lambda at: objective(at)[0], 1e-6)
        assert objective(theta)[1] == pytest.approx(numeric, rel=1e-4, abs=1e-4)


def test_objective_is_the_likelihood_of_a_normal_distribution_with_its_prior() -> None:
    x, y = data(15)
    objective = _Objective(x, y, GROUPS)

    def likelihood(theta: np.ndarray) -> float:
        """-log N(y; 0, s (K + noise)) at its best s, without constants."""
        kernel = objective.kernel(theta)
        scaled = kernel.scaled(x)
        square = ((scaled[:, None] - scaled[None]) ** 2).sum(2)
        covariance = np.exp(-square) + (kernel.noise + LEAST_NOISE) * np.eye(15)
        signal = y @ np.linalg.solve(covariance, y) / 15
        off = (theta - objective.prior) / [1, 1, 1.5]
        return float(np.linalg.slogdet(signal * covariance)[1] / 2 + off @ off / 2)

    a, b = objective.prior, objective.prior + np.array([0.4, -0.9, 1.0])
    difference = objective(a)[0] - objective(b)[0]
    assert difference == pytest.approx(likelihood(a) - likelihood(b))


def test_the_fit_weighs_the_group_that_matters_and_predicts_better_than_the_mean() -> None:
    x, y = data(60)
    kernel = fit_kernel(x, y, GROUPS)
    assert kernel.weights_G[0] > 5 * kernel.weights_G[1]
    process = GaussianProcess(kernel, x, y)
    assert process.signal * kernel.noise == pytest.approx(LUCK**2, rel=0.5)
    unseen, values = data(300, seed=1)
    mean, deviation = process.predict(unseen)
    assert np.mean((mean - values) ** 2) < 0.25 * values.var()
    spread = np.sqrt(deviation**2 + LUCK**2)
    assert 0.55 < np.mean(np.abs(mean - values) < spread) < 0.8  # 68 % by its own account


def test_values_that_are_all_the_same_are_no_trouble() -> None:
    x, _ = data(8)
    kernel = fit_kernel(x, np.zeros(8), GROUPS)
    mean, deviation = GaussianProcess(kernel, x, np.zeros(8)).predict(x + 1)
    assert mean == pytest.approx(0)
    assert (deviation > 0).all()
