"""Percentile bootstraps of how two lists of scores agree (Efron and Tibshirani, An Introduction to
the Bootstrap, 1993, chapter 13). numpy only.

Architectures are drawn with replacement, all of their scores with them. A resample is held as the
counts of its architectures, and that is all that a rank statistic needs: with
s_ij = sign(x_i - x_j) and counts w, an architecture's rank less the mean rank is ½ Σ_j w_j s_ij.
Resamples in which a statistic is undefined (one architecture drawn all the time, say) are left
out of its interval.

Shapes: N architectures, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Statistic = Callable[[Floats, Floats, Floats], Floats]
"""Of two lists of scores and counts_RN: the statistic of each resample, NaN if undefined."""


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float


def drawn(count: int, number: int, seed: int) -> Floats:
    """How often each resample of that many architectures holds each of them, (R, N)."""
    even_N = np.full(count, 1 / count)
    drawn_RN = np.random.default_rng(seed).multinomial(count, even_N, size=number)
    return drawn_RN.astype(np.float64)


def estimate(
    pairs: Iterable[tuple[Floats, Floats]],
    exact: Callable[[Floats, Floats], float],
    resampled: Statistic,
    counts_RN: Floats,
) -> Estimate:
    """Mean over the pairs of scores, and of the same over the resamples the middle 95 %."""
    value = np.mean([exact(a_N, b_N) for a_N, b_N in pairs])
    means_R = np.mean([resampled(a_N, b_N, counts_RN) for a_N, b_N in pairs], axis=0)
    low, high = np.percentile(means_R[~np.isnan(means_R)], (2.5, 97.5))
    return Estimate(float(value), float(low), float(high))


def once(statistic: Statistic) -> Callable[[Floats, Floats], float]:
    """The statistic of the sample itself: each architecture counts once."""
    return lambda a_N, b_N: float(statistic(a_N, b_N, np.ones((1, len(a_N))))[0])


def _signs(scores_N: Floats) -> Floats:
    return np.sign(scores_N[:, None] - scores_N[None, :])


def taus(a_N: Floats, b_N: Floats, counts_RN: Floats) -> Floats:
    """Tau-b: Σ w_i w_j a_ij b_ij over the root of the same of a² and of b²."""
    a_NN, b_NN = _signs(a_N), _signs(b_N)
    both, first, second = (
        np.einsum("rn,rn->r", counts_RN @ pairs_NN, counts_RN)
        for pairs_NN in (a_NN * b_NN, a_NN**2, b_NN**2)
    )
    return _ratios(both, first, second)


def spearmans(a_N: Floats, b_N: Floats, counts_RN: Floats) -> Floats:
    """Correlation of the centred mean ranks."""
    a_RN, b_RN = counts_RN @ _signs(a_N).T, counts_RN @ _signs(b_N).T
    both, first, second = (
        np.einsum("rn,rn,rn->r", counts_RN, x, y)
        for x, y in ((a_RN, b_RN), (a_RN, a_RN), (b_RN, b_RN))
    )
    return _ratios(both, first, second)


def _ratios(both_R: Floats, first_R: Floats, second_R: Floats) -> Floats:
    squared_R = first_R * second_R
    return np.asarray(both_R / np.sqrt(np.where(squared_R > 0, squared_R, np.nan)))


def recalls(proxy_N: Floats, reference_N: Floats, counts_RN: Floats, k: int) -> Floats:
    """Copies in both lists of the k best, over k."""
    proxy_RN, reference_RN = (_entering(x, counts_RN, k) for x in (proxy_N, reference_N))
    return np.asarray((counts_RN * np.minimum(proxy_RN, reference_RN)).sum(axis=1) / k)


def _entering(scores_N: Floats, counts_RN: Floats, k: int) -> Floats:
    """Share of each architecture's copies among the k best; equals divide the places left."""
    signs_NN = _signs(scores_N)
    better_RN, equal_RN = counts_RN @ (signs_NN > 0), counts_RN @ (signs_NN == 0)
    return np.asarray(np.clip(k - better_RN, 0, equal_RN) / np.maximum(equal_RN, 1))


def regrets(proxy_N: Floats, reference_N: Floats, counts_RN: Floats) -> Floats:
    """The best reference less that of the proxy's best: their mean, where some are equal."""
    proxy_RN, reference_RN = (np.where(counts_RN > 0, x, -np.inf) for x in (proxy_N, reference_N))
    chosen_RN = proxy_RN == proxy_RN.max(axis=1, keepdims=True)
    chosen_R = (chosen_RN * reference_N).sum(axis=1) / chosen_RN.sum(axis=1)
    return np.asarray(reference_RN.max(axis=1) - chosen_R)
