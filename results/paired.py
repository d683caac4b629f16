"""How far two networks differ in mIoU, and whether other images of the kind might turn it round: a
paired percentile bootstrap over images, and over seeds where there are several (Efron and
Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13). numpy only.

Shapes: S seeds, N images, K classes, R resamples.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.bootstrap import Estimate, Floats, drawn

RESAMPLES = 2000


@dataclass(frozen=True)
class ImageCounts:
    """Of each image and class, in pixels: labelled and predicted as it; labelled or predicted as
    it."""

    intersections_NK: NDArray[np.int64]
    unions_NK: NDArray[np.int64]

    def mious(self, times_RN: Floats) -> Floats:
        """mIoU in [0, 1] of resamples that hold each image so many times; over the classes that
        occur in them."""
        with np.errstate(invalid="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a resample without any class
            ious_RK = (times_RN @ self.intersections_NK) / (times_RN @ self.unions_NK)
            return np.asarray(np.nanmean(ious_RK, axis=1))


@dataclass(frozen=True)
class Difference(Estimate):
    """With the two-sided p of no difference, which the resamples tell to 1 / RESAMPLES."""

    p: float


def difference(a_S: Sequence[ImageCounts], b_S: Sequence[ImageCounts]) -> Difference:
    """Of the mean mIoU over a's seeds less that over b's, in [-1, 1]. Both saw the same images,
    which are drawn together; the seeds of each are drawn too."""
    images = len(a_S[0].unions_NK)
    once_1N = np.ones((1, images))
    times_RN = drawn(images, RESAMPLES, seed=0)
    value = _means(a_S, once_1N) - _means(b_S, once_1N)
    found_R = _means(a_S, times_RN, seed=1) - _means(b_S, times_RN, seed=2)
    found_R = found_R[~np.isnan(found_R)]
    low, high = np.percentile(found_R, (2.5, 97.5))
    p = 2 * min((found_R <= 0).mean(), (found_R >= 0).mean())
    return Difference(float(value[0]), float(low), float(high), max(1 / RESAMPLES, min(1.0, p)))


def _means(counts_S: Sequence[ImageCounts], times_RN: Floats, seed: int | None = None) -> Floats:
    """Mean mIoU of each resample over the seeds, or with a ``seed`` over seeds that are drawn."""
    mious_RS = np.stack([each.mious(times_RN) for each in counts_S], axis=1)
    if seed is None:
        return np.asarray(mious_RS.mean(axis=1))
    return np.asarray((mious_RS * drawn(len(counts_S), len(times_RN), seed)).mean(axis=1))
