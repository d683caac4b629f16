"""Against the definitions, written out in loops."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from results.frontier import hypervolume, kendall, pareto, spearman

SMALL = st.integers(-4, 4).map(float)
POINTS = st.lists(st.tuples(SMALL, SMALL), max_size=12)
LISTS = st.lists(st.tuples(SMALL, SMALL), min_size=2, max_size=12)


def beats(a: tuple[float, ...], b: tuple[float, ...], maximise: tuple[bool, ...]) -> bool:
    signs = [1 if up else -1 for up in maximise]
    gains = [(s * x, s * y) for s, x, y in zip(signs, a, b, strict=True)]
    return all(x >= y for x, y in gains) and any(x > y for x, y in gains)


@given(POINTS, st.tuples(st.booleans(), st.booleans()))
def test_the_front_is_what_no_other_point_beats(
    points: list[tuple[float, float]], maximise: tuple[bool, bool]
) -> None:
    expected = [not any(beats(other, point, maximise) for other in points) for point in points]
    assert pareto(points, maximise).tolist() == expected


@given(st.lists(st.tuples(SMALL, SMALL, SMALL), max_size=8))
def test_the_front_of_three_objectives(points: list[tuple[float, float, float]]) -> None:
    maximise = (True, False, True)
    expected = [not any(beats(other, point, maximise) for other in points) for point in points]
    assert pareto(points, maximise).tolist() == expected


def test_a_point_without_a_number_is_not_on_the_front_and_beats_nobody() -> None:
    points = [(math.nan, 9.0), (1.0, 1.0), (9.0, math.nan)]
    assert pareto(points, (True, True)).tolist() == [False, True, False]


def test_one_direction_per_objective_is_needed() -> None:
    with pytest.raises(ValueError, match=r"points must be N x 1 but got shape \(1, 2\)"):
        pareto([(1.0, 2.0)], (True,))


@settings(deadline=None)
@given(POINTS, st.tuples(st.booleans(), st.booleans()), st.tuples(SMALL, SMALL))
def test_the_hypervolume_is_the_count_of_unit_cells_that_a_point_dominates(
    points: list[tuple[float, float]],
    maximise: tuple[bool, bool],
    reference: tuple[float, float],
) -> None:
    signs = np.where(maximise, 1, -1)
    gains, floor = signs * np.reshape(points, (-1, 2)), signs * np.array(reference)
    cells = itertools.product(np.arange(-4, 4), np.arange(-4, 4))
    expected = sum(
        bool((floor <= cell).all() and (gains >= np.add(cell, 1)).all(axis=1).any())
        for cell in cells
    )
    assert hypervolume(points, reference, maximise) == expected


@given(LISTS)
def test_kendall_counts_pairs(pairs: list[tuple[float, float]]) -> None:
    agree = ties_a = ties_b = 0
    for (a, b), (c, d) in itertools.combinations(pairs, 2):
        agree += int(np.sign(a - c) * np.sign(b - d))
        ties_a += a == c
        ties_b += b == d
    total = math.comb(len(pairs), 2)
    both = (total - ties_a) * (total - ties_b)
    found = kendall(*zip(*pairs, strict=True))
    assert math.isnan(found) if both == 0 else found == pytest.approx(agree / math.sqrt(both))


@given(LISTS)
def test_spearman_is_the_correlation_of_mean_ranks(pairs: list[tuple[float, float]]) -> None:
    ranks = [
        [np.mean([sorted(column).index(v) + k for k in range(column.count(v))]) for v in column]
        for column in zip(*pairs, strict=True)
    ]
    found = spearman(*zip(*pairs, strict=True))
    if min(np.ptp(column) for column in ranks) == 0:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(np.corrcoef(ranks)[0, 1])


@pytest.mark.parametrize("correlate", [spearman, kendall])
def test_the_ends_of_the_scale(correlate: object) -> None:
    assert callable(correlate)
    assert correlate([1, 2, 9], [4, 5, 6]) == pytest.approx(1)
    assert correlate([1, 2, 9], [6, 5, 4]) == pytest.approx(-1)
    assert math.isnan(correlate([], []))
    assert math.isnan(correlate([1], [2]))
    with pytest.raises(ValueError, match="one length"):
        correlate([1, 2], [1])
    with pytest.raises(ValueError, match="NaN"):
        correlate([1, math.nan], [1, 2])
