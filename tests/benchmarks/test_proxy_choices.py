"""What is chosen by one score, by two, and after stopping early."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.proxy_choices import again, best, halved, shortfall

EVERYTHING = np.arange(6)
FIRST = np.array([6.0, 5, 4, 3, 2, 1])
SECOND = np.array([0.0, 0, 0, 9, 9, 9])


def test_leaders_are_chosen_by_the_mean_of_two_trainings_and_nobody_else_is() -> None:
    assert best(FIRST)(EVERYTHING).tolist() == [0, 1, 2]
    assert again(FIRST, SECOND, 4)(EVERYTHING).tolist() == [3, 0, 1]
    assert again(FIRST, SECOND, 6)(EVERYTHING).tolist() == [3, 4, 5]
    assert again(FIRST, SECOND, 4)(np.array([0, 1, 1, 2, 2, 5])).tolist() == [0, 1, 1]


def test_the_shortfall_is_of_the_three_promoted_in_points() -> None:
    reference = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    found = shortfall([best(reference), best(-reference)], reference)
    assert found.value == pytest.approx((0 + 30) / 2)
    assert 0 <= found.low < found.value < found.high


def test_asha_lets_on_who_is_beyond_two_thirds_of_those_before() -> None:
    scores = np.array([[1.0, 2, 1.6, 1.8, 0, 1.9], [0.0] * 6, [0.0] * 6, [5.0, 6, 7, 9, 9, 8]])
    share, promoted = halved(scores, EVERYTHING, grace=1)
    # The edges that they met: none, 1, 1.67, 1.73, 1.73, 1.73.
    assert promoted.tolist() == [3, 5, 1]
    assert share == (4 * 4 + 2) / 24
    share, promoted = halved(scores, np.array([1, 0, 2, 3, 4, 5]), grace=1)
    assert promoted.tolist() == [3, 5, 1]
    assert share == (3 * 4 + 3) / 24  # 0 came after a better one
