"""Gaussian process regression on groups of features (Rasmussen and Williams 2006, chapters 2, 5).

Shapes: N observations, M points to predict, G groups of features, F features in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular
from scipy.optimize import minimize

Array = NDArray[np.float64]

LEAST_NOISE = 1e-6
LEAST_SIGNAL = 1e-12
"""Variances. The least ones keep values that are all the same, or given twice, well posed."""


@dataclass(frozen=True)
class Kernel:
    """k(x, y) = exp(-sum_g weight_g |x_g - y_g|^2), and the noise's variance beside a signal of 1.

    ``groups`` are the column ranges of the features; a weight of 0 ignores its group.
    """

    groups: tuple[slice, ...]
    weights_G: Array
    noise: float

    def scaled(self, features_NF: Array) -> Array:
        """Features whose plain squared distance is the kernel's exponent."""
        scales_F = np.concatenate(
            [
                np.full(group.stop - group.start, np.sqrt(weight))
                for group, weight in zip(self.groups, self.weights_G, strict=True)
            ]
        )
        return np.asarray(features_NF * scales_F)


class GaussianProcess:
    """The posterior given N noisy values, which should have mean 0.

    The variance of the signal is the maximum-likelihood one unless it is given. Points may be added
    with the values that the process itself expects there (``with_pending``): the mean stays, the
    doubt shrinks.
    """

    def __init__(
        self, kernel: Kernel, features_NF: Array, values_N: Array, signal: float | None = None
    ) -> None:
        self._kernel, self._features_NF = kernel, features_NF
        self._x_NF = kernel.scaled(features_NF)
        self._values_N = values_N
        covariance_NN = _similarity(self._x_NF, self._x_NF)
        covariance_NN[np.diag_indices(len(values_N))] += kernel.noise + LEAST_NOISE
        self._root_NN = np.linalg.cholesky(covariance_NN)
        self._solved_N = cho_solve((self._root_NN, True), values_N)
        self.signal = _signal(values_N, self._solved_N) if signal is None else signal

    @property
    def smoothed_N(self) -> Array:
        """Mean of the noise-free values at the N points themselves."""
        return np.asarray(self._values_N - (self._kernel.noise + LEAST_NOISE) * self._solved_N)

    def predict(self, features_MF: Array) -> tuple[Array, Array]:
        """Mean and standard deviation of the noise-free value at M points (eq. 2.25, 2.26)."""
        cross_NM = _similarity(self._x_NF, self._kernel.scaled(features_MF))
        half_NM = solve_triangular(self._root_NN, cross_NM, lower=True, check_finite=False)
        left_M = np.maximum(1 - (half_NM**2).sum(axis=0), LEAST_NOISE)
        return cross_NM.T @ self._solved_N, np.sqrt(self.signal * left_M)

    def with_pending(self, features_MF: Array) -> GaussianProcess:
        """The process that takes its own expectation at M points for granted."""
        if not len(features_MF):
            return self
        cross_NM = _similarity(self._x_NF, self._kernel.scaled(features_MF))
        mean_M = cross_NM.T @ self._solved_N
        features = np.concatenate([self._features_NF, features_MF])
        values = np.concatenate([self._values_N, mean_M])
        return GaussianProcess(self._kernel, features, values, self.signal)


def fit_kernel(
    features_NF: Array, values_N: Array, groups: Sequence[slice], iterations: int = 40
) -> Kernel:
    """The kernel with the largest marginal likelihood times prior (eq. 5.8, 5.9).

    The prior takes each group's weight as lognormal around 1 / G of the mean distance, so that
    few observations do not switch groups on and off, and the noise as lognormal around 5 %.
    """
    objective = _Objective(features_NF, values_N, tuple(groups))
    found = minimize(
        objective, objective.prior, jac=True, method="L-BFGS-B", options={"maxiter": iterations}
    )
    return objective.kernel(found.x)


class _Objective:
    """Negative log posterior of (log weights relative to 1 / mean distance, log noise)."""

    def __init__(self, features_NF: Array, values_N: Array, groups: tuple[slice, ...]) -> None:
        self._values_N, self._groups = values_N, groups
        distances = [_distance(features_NF[:, g], features_NF[:, g]) for g in groups]
        means = [float(distance.mean()) for distance in distances]
        self._scale_G = np.array([1 / mean if mean > 0 else 0.0 for mean in means])
        self._distances = [d * s for d, s in zip(distances, self._scale_G, strict=True)]
        self.prior = np.append(np.full(len(groups), -np.log(len(groups))), np.log(0.05))
        self._spread = np.append(np.full(len(groups), 1.0), 1.5)

    def kernel(self, theta: Array) -> Kernel:
        return Kernel(self._groups, np.exp(theta[:-1]) * self._scale_G, float(np.exp(theta[-1])))

    def __call__(self, theta: Array) -> tuple[float, Array]:
        count = len(self._values_N)
        weights_G, noise = np.exp(theta[:-1]), np.exp(theta[-1])
        exponent_NN = sum(w * d for w, d in zip(weights_G, self._distances, strict=True))
        similar_NN = np.exp(-np.asarray(exponent_NN))
        try:
            root_NN = np.linalg.cholesky(similar_NN + (noise + LEAST_NOISE) * np.eye(count))
        except np.linalg.LinAlgError:
            return 1e12, np.zeros_like(theta)
        inverse_NN = cho_solve((root_NN, True), np.eye(count))
        solved_N = inverse_NN @ self._values_N
        signal = _signal(self._values_N, solved_N)
        value = count / 2 * np.log(signal) + float(np.log(np.diag(root_NN)).sum())
        slope_NN = inverse_NN - np.outer(solved_N, solved_N) / signal
        pulled_NN = slope_NN * similar_NN
        slopes = [np.vdot(pulled_NN, distance_NN) for distance_NN in self._distances]
        gradient = np.append(-weights_G * slopes, noise * np.trace(slope_NN)) / 2
        off = (theta - self.prior) / self._spread
        return value + float(off @ off) / 2, gradient + off / self._spread


def _signal(values_N: Array, solved_N: Array) -> float:
    """The variance of the signal with the largest likelihood."""
    return max(float(values_N @ solved_N) / len(values_N), LEAST_SIGNAL)


def _similarity(a_NF: Array, b_MF: Array) -> Array:
    return np.asarray(np.exp(-_distance(a_NF, b_MF)))


def _distance(a_NF: Array, b_MF: Array) -> Array:
    """Squared, between all pairs."""
    square = (a_NF**2).sum(1)[:, None] + (b_MF**2).sum(1)[None, :] - 2 * a_NF @ b_MF.T
    return np.maximum(square, 0)
