"""How well contours are met: the boundary F-score of each class.

As Csurka, Larlus and Perronnin define it ("What is a good evaluation measure for semantic
segmentation?", BMVC 2013): in each image, and for each class, precision is the share of the
predicted contour's pixels that lie within a tolerance of the true contour, recall the share of the
true contour's pixels within it of the predicted one; F is their harmonic mean. A class's score is
its mean F over the images. Perazzi et al. (CVPR 2016, DAVIS) take the same measure of a single
object.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from proxy_tasks.datasets.base import IGNORE, Pixels
from proxy_tasks.scores import BOUNDARY_TOLERANCE

Points = NDArray[np.intp]


class BoundaryTally:
    """Adds up images, whose sizes may differ.

    Args:
        tolerance: in pixels; None: `BOUNDARY_TOLERANCE` of each image's diagonal.

    A class that only the truth or only the prediction shows scores 0 in that image; one that
    neither shows is not scored there. Void pixels are void in the prediction too, and what borders
    on them is contour in both: data sets that leave the rims of objects void keep contours so.
    """

    def __init__(self, classes: int, tolerance: float | None = None) -> None:
        self._tolerance = tolerance
        self._sum_K, self._images_K = np.zeros((2, classes))

    def add(self, found_HW: Pixels, labels_HW: Pixels) -> None:
        """Class indices of one image, and the right ones, `IGNORE` where void."""
        radius = self._tolerance
        if radius is None:
            radius = BOUNDARY_TOLERANCE * math.hypot(*labels_HW.shape)
        found, true = (
            _contours(pixels)
            for pixels in (np.where(labels_HW == IGNORE, labels_HW, found_HW), labels_HW)
        )
        for label in (found.keys() | true.keys()) - {IGNORE}:
            both = label in found and label in true
            self._sum_K[label] += _f_score(found[label], true[label], radius) if both else 0.0
            self._images_K[label] += 1

    def scores(self) -> NDArray[np.float64]:
        """In [0, 1], by class; NaN where no image shows its contour."""
        some = self._images_K > 0
        return np.divide(self._sum_K, self._images_K, np.full(len(some), np.nan), where=some)


def _contours(labels_HW: Pixels) -> dict[int, Points]:
    """Label -> (row, column) of its pixels that have a neighbour, of four, with another one."""
    edge = np.zeros(labels_HW.shape, bool)
    beside = labels_HW[:, 1:] != labels_HW[:, :-1]
    below = labels_HW[1:] != labels_HW[:-1]
    edge[:, 1:] |= beside
    edge[:, :-1] |= beside
    edge[1:] |= below
    edge[:-1] |= below
    points, labels = np.argwhere(edge), labels_HW[edge]
    return {int(label): points[labels == label] for label in np.unique(labels)}


def _f_score(found: Points, true: Points, radius: float) -> float:
    precision, recall = _share_near(found, true, radius), _share_near(true, found, radius)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _share_near(points: Points, others: Points, radius: float) -> float:
    # A tree's effort goes by the contours' length, a distance map's by the image's area times the
    # classes. Its own bound leaves out what lies on it.
    distance, _ = KDTree(others).query(points, distance_upper_bound=radius + 1e-6)
    return float(np.mean(distance <= radius))
