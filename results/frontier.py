"""Which trials no other beats, how good a front is, and whether two rankings agree. numpy only.

Shapes: N points, K objectives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def pareto(points_NK: ArrayLike, maximise: Sequence[bool]) -> NDArray[np.bool_]:
    """Mask of the points that no other dominates: as good everywhere and better somewhere.

    Equal points are on the front together. A point with a NaN is never on it and beats nobody.

    Raises:
        ValueError: if there is not one direction per objective.
    """
    gain_NK = _gains(points_NK, maximise)
    front_N = np.zeros(len(gain_NK), dtype=bool)
    # Best on the first objective first, ties by the next: nothing later dominates what is earlier.
    left = np.lexsort(-gain_NK.T[::-1])
    left = left[~np.isnan(gain_NK[left]).any(axis=1)]
    while len(left):
        best = gain_NK[left[0]]
        front_N[left[0]] = True
        # The rest that it does not dominate; its equals are on the front with it.
        front_N[left[(gain_NK[left] == best).all(axis=1)]] = True
        left = left[(gain_NK[left] > best).any(axis=1)]
    return front_N


def hypervolume(
    points_N2: ArrayLike, reference_2: ArrayLike, maximise: Sequence[bool] = (True, True)
) -> float:
    """Exact area that two-objective points dominate, down to the reference point.

    Points that do not beat the reference on both objectives add nothing.

    Raises:
        ValueError: if there are not two objectives.
    """
    gain_N2 = _gains(points_N2, maximise)
    if gain_N2.shape[1] != 2:
        raise ValueError(f"hypervolume takes 2 objectives but got {gain_N2.shape[1]}")
    floor_x, floor_y = _gains(np.asarray(reference_2)[None], maximise)[0]
    area = 0.0
    for x, y in sorted(gain_N2.tolist(), reverse=True):
        # From the right to the left: each step adds what rises above the steps before.
        if x > floor_x and y > floor_y:
            area += (x - floor_x) * (y - floor_y)
            floor_y = y
    return float(area)


def spearman(a_N: ArrayLike, b_N: ArrayLike) -> float:
    """Rank correlation, ties at their mean rank. NaN if either is constant or N < 2."""
    return spearmans([a_N], b_N)[0]


def spearmans(values_KN: Sequence[ArrayLike], score_N: ArrayLike) -> list[float]:
    """Spearman's rank correlation of each with the score, which is ranked once."""
    score = _centred_ranks(np.asarray(score_N, dtype=np.float64))
    found = []
    for value_N in values_KN:
        a = _centred_ranks(_pair(value_N, score_N)[0])
        found.append(_ratio(float(a @ score), float(a @ a), float(score @ score)))
    return found


def _centred_ranks(values_N: NDArray[np.float64]) -> NDArray[np.float64]:
    ranks = mean_ranks(values_N)
    return ranks - ranks.mean() if len(ranks) else ranks


def kendall(a_N: ArrayLike, b_N: ArrayLike) -> float:
    """Kendall's tau-b, which allows for ties. NaN if either is constant or N < 2."""
    a, b = (np.sign(values[:, None] - values[None, :]) for values in _pair(a_N, b_N))
    return _ratio(float((a * b).sum()), float((a * a).sum()), float((b * b).sum()))


def _gains(points_NK: ArrayLike, maximise: Sequence[bool]) -> NDArray[np.float64]:
    points = np.asarray(points_NK, dtype=np.float64)
    points = points.reshape(-1, len(maximise)) if points.size == 0 else points
    if points.ndim != 2 or points.shape[1] != len(maximise):
        raise ValueError(f"points must be N x {len(maximise)} but got shape {points.shape}")
    return np.where(np.asarray(maximise, dtype=bool), points, -points)


def _pair(a_N: ArrayLike, b_N: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b = np.asarray(a_N, dtype=np.float64), np.asarray(b_N, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"two lists of one length are needed but got {a.shape} and {b.shape}")
    if np.isnan(a).any() or np.isnan(b).any():
        raise ValueError("a rank correlation needs numbers but got NaN")
    return a, b


def mean_ranks(values_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, equal values at their mean rank."""
    _, group_N, size_G = np.unique(values_N, return_inverse=True, return_counts=True)
    last_G = np.cumsum(size_G)
    ranks: NDArray[np.float64] = (last_G - (size_G - 1) / 2)[group_N]
    return ranks


def _ratio(both: float, first: float, second: float) -> float:
    if first == 0 or second == 0:
        return float("nan")
    return float(both / np.sqrt(first * second))
