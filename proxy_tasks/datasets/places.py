"""Where in the images each class stands: what tells whether images have an up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from proxy_tasks.datasets.base import Pixels
from proxy_tasks.datasets.clusters import spread
from proxy_tasks.datasets.traits import Place

OFF = 0.05
"""How far off the middle a class must stand, as a share of the image's side: less is no matter for
a network that is shown flipped images."""

SHARE = 0.005
"""Of the labelled pixels: rarer classes say little about what images look like."""

AGREEING = 0.75
"""Of the images that show a class, those that have it on the same side. Where traffic keeps left,
signs stand left in two images of three; yet a mirrored street is a street."""

CHANCE = 2 * float(norm.sf(4))
"""6e-5, that of four standard errors where images are many: low enough for a hundred classes. For
few images four errors are no proof, so that Student's distribution says how many are."""

Floats = NDArray[np.float64]


def centres(labels: Pixels, classes: int) -> tuple[NDArray[np.int64], Floats]:
    """The pixels of each label, (256,), and where those of each class stand on average, (2,
    classes): down and to the right, in 0 to 1, NaN for a class that is not there.

    Read in runs of rows, so that a large label map needs little memory; on more than `FINE` pixels
    places are of every second, third ... row or column.
    """
    height, width = labels.shape
    down, pixels = _centres_of_rows(labels, classes)
    step = max(1, height * width // FINE)
    right, _ = _centres_of_rows(np.ascontiguousarray(labels[::step].T), classes)
    return pixels, np.stack([down, right])


FINE = 1 << 22
_RUN = 1 << 18


def _centres_of_rows(labels: Pixels, classes: int) -> tuple[Floats, NDArray[np.int64]]:
    height, width = labels.shape
    rows = max(1, _RUN // width)
    pixels, weighted = np.zeros(256, np.int64), np.zeros(256)
    for top in range(0, height, rows):
        part = labels[top : top + rows]
        keys = part + (np.arange(len(part)) << 8)[:, None]
        counts = np.bincount(keys.ravel(), minlength=len(part) << 8).reshape(-1, 256)
        pixels += counts.sum(0)
        weighted += (top + 0.5 + np.arange(len(part))) @ counts
    with np.errstate(invalid="ignore"):
        return (weighted / pixels / height)[:classes], pixels


def pooled(
    centres: Floats, shares: tuple[float, ...], clusters: NDArray[np.int64]
) -> tuple[Place, ...]:
    """Each class over the images that show it. ``centres``: (images, classes) along one axis, NaN
    where an image does not show one; ``shares``: of the labelled pixels; for ``clusters`` see
    `clusters.clusters`."""
    return tuple(
        _pooled(column[seen], clusters[seen], share)
        for column, seen, share in zip(centres.T, np.isfinite(centres).T, shares, strict=True)
    )


def _pooled(seen: Floats, clusters: NDArray[np.int64], share: float) -> Place:
    if not len(seen):
        return Place(None, None, None, 0)
    mean = float(seen.mean())
    agree = float((np.sign(seen - 0.5) == np.sign(mean - 0.5)).mean())
    place = Place(mean, spread((seen - mean) / len(seen), clusters), agree, len(seen))
    independent = len(np.unique(clusters))
    return replace(place, aside=share >= SHARE and aside(place, independent))


def aside(place: Place, independent: int) -> bool:
    """Whether a class stands off the middle by more than `OFF`, in most images (`AGREEING`), and
    beyond doubt (`CHANCE`). ``independent``: how many clusters of images it is of."""
    if place.mean is None or place.error is None or place.agree is None:
        return False
    off = abs(place.mean - 0.5)
    sure = off > float(t.isf(CHANCE / 2, independent - 1)) * place.error
    return off > OFF and place.agree >= AGREEING and sure
