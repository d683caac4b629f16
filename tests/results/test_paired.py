"""Differences of two networks over the same images."""

from __future__ import annotations

import numpy as np
import pytest

from results.paired import ImageCounts, difference


def counts(ious: np.ndarray, union: int = 1000) -> ImageCounts:
    """One class, every image with as many pixels."""
    hits = np.round(ious * union).astype(np.int64)[:, None]
    return ImageCounts(hits, np.full_like(hits, union))


def test_the_value_is_the_difference_of_the_pooled_mious() -> None:
    rng = np.random.default_rng(0)
    a, b = (
        ImageCounts(rng.integers(0, 50, (6, 3)), rng.integers(50, 90, (6, 3))) for _ in range(2)
    )
    pooled = [(x.intersections_NK.sum(0) / x.unions_NK.sum(0)).mean() for x in (a, b)]
    assert difference([a], [b]).value == pytest.approx(pooled[0] - pooled[1])


def test_images_are_drawn_together_so_what_both_find_hard_is_no_noise() -> None:
    hard = np.random.default_rng(0).uniform(0.2, 0.8, 40)
    found = difference([counts(hard + 0.05)], [counts(hard)])
    assert found.low == pytest.approx(0.05, abs=1e-3)
    assert found.high == pytest.approx(0.05, abs=1e-3)


def test_the_interval_is_that_of_the_mean_of_differences() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.uniform(0.3, 0.7, (2, 200))
    found = difference([counts(a)], [counts(b)])
    error = (a - b).std(ddof=1) / 200**0.5
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)


@pytest.mark.parametrize(("shift", "least", "most"), [(0.0, 0.2, 1.0), (0.1, 0.0, 0.01)])
def test_p_says_whether_other_images_might_turn_it_round(
    shift: float, least: float, most: float
) -> None:
    rng = np.random.default_rng(2)
    a, b = rng.normal(0.5, 0.05, (2, 100))
    for found in (
        difference([counts(a - a.mean() + 0.5 + shift)], [counts(b - b.mean() + 0.5)]),
        difference([counts(b - b.mean() + 0.5)], [counts(a - a.mean() + 0.5 + shift)]),
    ):
        assert least <= found.p <= most


def test_seeds_that_differ_widen_the_interval() -> None:
    same = np.full(50, 0.5)
    one = difference([counts(same)], [counts(same - 0.1)])
    several = difference([counts(same - 0.05), counts(same + 0.05)], [counts(same - 0.1)] * 2)
    assert one.high - one.low == pytest.approx(0)
    assert several.value == pytest.approx(0.1)
    assert several.high - several.low > 0.05


def test_a_class_that_occurs_nowhere_does_not_count() -> None:
    a, b = (ImageCounts(np.array([[hits, 0]] * 4), np.array([[100, 0]] * 4)) for hits in (60, 40))
    assert difference([a], [b]).value == pytest.approx(0.2)
