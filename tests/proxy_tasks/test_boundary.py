"""The boundary F-score by hand, and against distance maps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from proxy_tasks.boundary import BoundaryTally
from proxy_tasks.datasets.base import IGNORE


def halves(column: int, height: int = 8, width: int = 12) -> np.ndarray:
    """Class 0 to the left of a column, class 1 from there on."""
    labels = np.zeros((height, width), np.uint8)
    labels[:, column:] = 1
    return labels


def scored(found: np.ndarray, true: np.ndarray, tolerance: float | None = None) -> list[float]:
    tally = BoundaryTally(3, tolerance)
    tally.add(found, true)
    return tally.scores().tolist()


@pytest.mark.parametrize(("tolerance", "expected"), [(1.9, 0.0), (2.0, 1.0)])
def test_a_contour_is_met_within_the_tolerance_and_no_farther(tolerance, expected) -> None:
    assert scored(halves(6), halves(4), tolerance)[:2] == [expected, expected]


def test_by_default_the_tolerance_is_a_share_of_the_diagonal() -> None:
    size = {"height": 300, "width": 400}  # diagonal 500, tolerance 3.75
    true = halves(200, **size)
    assert scored(halves(203, **size), true)[:2] == [1.0, 1.0]
    assert scored(halves(204, **size), true)[:2] == [0.0, 0.0]


def test_f_is_the_harmonic_mean_of_precision_and_recall() -> None:
    true = halves(4)
    found = true.copy()
    found[0, 9] = 2  # alone in class 1: its four (three) neighbours become contour of class 1
    zero, one, two = scored(found, true, 0.5)
    assert zero == 1.0
    precision, recall = 8 / 11, 1.0
    assert one == pytest.approx(2 * precision * recall / (precision + recall))
    assert two == 0.0  # not in the truth at all


def test_what_neither_shows_is_not_scored_and_images_are_averaged() -> None:
    tally = BoundaryTally(3, 0.5)
    tally.add(halves(4), halves(4))
    tally.add(halves(8), halves(4))
    tally.add(halves(0), halves(0))  # one class alone has no contour
    zero, one, two = tally.scores()
    assert (zero, one) == (0.5, 0.5)
    assert math.isnan(two)


def test_what_was_found_in_void_does_not_matter() -> None:
    true = halves(4)
    true[:, 8:] = IGNORE
    found = halves(4)
    found[:, 9:] = np.random.default_rng(0).integers(0, 3, (8, 3))
    assert scored(found, true, 0.0)[:2] == [1.0, 1.0]
    assert math.isnan(scored(found, true, 0.0)[2])


def by_distance_maps(found: np.ndarray, true: np.ndarray, label: int, radius: float) -> float:
    """Another way: erosion for the contours, a distance map for each."""
    cross = ndimage.generate_binary_structure(2, 1)
    found = np.where(true == IGNORE, IGNORE, found)
    contours = [
        mask & ~ndimage.binary_erosion(mask, cross, border_value=1)
        for mask in (found == label, true == label)
    ]
    far = [ndimage.distance_transform_edt(~contour) for contour in contours]
    precision = (far[1][contours[0]] <= radius).mean()
    recall = (far[0][contours[1]] <= radius).mean()
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize("radius", [0.0, 1.0, 2.5])
def test_it_is_what_distance_maps_give(radius) -> None:
    rng = np.random.default_rng(0)
    blobs = ndimage.gaussian_filter(rng.normal(size=(2, 3, 40, 50)), (0, 0, 4, 4))
    true = blobs[0].argmax(0).astype(np.uint8)
    found = (blobs[0] + 0.5 * blobs[1]).argmax(0).astype(np.uint8)
    true[10:14] = IGNORE
    expected = [by_distance_maps(found, true, label, radius) for label in range(3)]
    assert scored(found, true, radius) == pytest.approx(expected)
    assert 0.01 < min(expected) < max(expected) < 1
