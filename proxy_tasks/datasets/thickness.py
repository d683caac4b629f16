"""How thin the structures of each class are, and whether they grow with the image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from proxy_tasks.datasets.base import Pixels
from proxy_tasks.datasets.clusters import spread
from proxy_tasks.datasets.traits import Growth, Thickness

WHOLE = 1 << 22
"""Pixels: larger label maps are looked at in tiles."""

TILE = 1024
TILES = 16

_LEAST_RANGE = 1.25
_LEAST_PAIRS = 8
_THIN = 1 / 8
_LEAST_SCATTER = 1e-4
"""Of log thickness, squared: thickness is known to 1 % at best, by whole pixels."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def thicknesses(labels: Pixels, classes: int) -> Floats:
    """(classes,) in pixels; NaN for a class without an edge in this label map (H, W).

    Four times the mean distance of a class's pixels from its edge: a strip of width w has the mean
    distance w / 4. Void is an edge like another class, since void rims stand where objects end. The
    image's own border is none: nobody knows how far a structure goes on, so that it is measured as
    if it were mirrored there. What thin and thick parts a class has are averaged by area.

    Above `WHOLE` pixels it is an estimate from at most `TILES` tiles of `TILE` pixels a side, set
    evenly, whose borders are no edges either: memory and time stay those of a small image, thin
    structures are measured exactly, and some classes may be missed.
    """
    distances, pixels = np.zeros((2, classes))
    for tile in _tiles(labels):
        if (inside := _distances(tile)) is not None:
            values = tile.ravel()
            distances += np.bincount(values, inside.ravel(), minlength=256)[:classes]
            pixels += np.bincount(values, minlength=256)[:classes]
    with np.errstate(invalid="ignore"):
        return 4 * distances / pixels


def _tiles(labels: Pixels) -> Iterator[Pixels]:
    if labels.size <= WHOLE:
        yield labels
        return
    most = int(TILES**0.5)
    rows, columns = (min(most, max(1, side // TILE)) for side in labels.shape)
    if rows < most:  # a panorama
        columns = min(TILES // rows, max(1, labels.shape[1] // TILE))
    elif columns < most:
        rows = min(TILES // columns, max(1, labels.shape[0] // TILE))
    for top in _starts(labels.shape[0], rows):
        for left in _starts(labels.shape[1], columns):
            yield np.ascontiguousarray(labels[top : top + TILE, left : left + TILE])


def _starts(length: int, number: int) -> list[int]:
    """Of ``number`` stretches of `TILE`, each in the middle of an equal part of ``length``."""
    part = length / number
    return [max(0, round(part * (place + 0.5) - TILE / 2)) for place in range(number)]


def _distances(labels: Pixels) -> Floats | None:
    """(H, W): how far from the edge of its own class each pixel lies, on average over its area.
    None where there is one label only.

    One transform serves all classes: the nearest pixel at some class's edge is always one of the
    pixel's own class, as any way to another class leads over one. Edges lie half a pixel outside.
    """
    below, beside = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    edge = np.zeros(labels.shape, bool)
    edge[1:] |= below
    edge[:-1] |= below
    edge[:, 1:] |= beside
    edge[:, :-1] |= beside
    if not edge.any():
        return None
    distance: Floats = distance_transform_edt(~edge)
    ridge = _peaks(distance, below) | _peaks(distance.T, beside.T).T
    return distance + 0.5 - 0.25 * ridge


def _peaks(distance: Floats, differ: Mask) -> Mask:
    """Pixels that lie deeper than the one above and the one below, so that the ridge between two
    edges runs through them: over its own area such a pixel lies a quarter less deep than at its
    centre. ``differ``: whether a pixel has another class than the one below."""
    above, below = np.zeros(distance.shape, bool), np.zeros(distance.shape, bool)
    above[1:] = differ | (distance[1:] > distance[:-1])
    below[:-1] = differ | (distance[:-1] > distance[1:])
    return above & below


def pooled(measured: Floats) -> tuple[Thickness, ...]:
    """Over the images that show an edge of a class. ``measured``: (images, classes), NaN where one
    shows none."""
    return tuple(_pooled(column[np.isfinite(column)]) for column in measured.T)


def _pooled(seen: Floats) -> Thickness:
    if not len(seen):
        return Thickness(None, None, 0)
    lower, middle = np.quantile(seen, (0.25, 0.5)).tolist()
    return Thickness(lower, middle, len(seen))


def growth(measured: Floats, sides: Sequence[int], clusters: NDArray[np.int64]) -> Growth | None:
    """The regression of log thickness on log short side within classes, each with an intercept of
    its own and weighed by how little its thickness scatters.

    ``measured``: (images, classes), NaN where a class has no edge; ``sides``: each image's short
    side; ``clusters``: which of them are not independent. Classes thicker than `_THIN` of the short
    side (sky, road, land) are left out: images end before they do, so that they seem to grow with
    whatever is seen of them. None where the short sides differ by less than a quarter, for fewer
    than 8 pairs, and for fewer than two clusters.
    """
    short = np.asarray(sides, float)
    images, classes = np.nonzero(np.isfinite(measured) & _thin(measured, short))
    x, y = np.log(short[images]), np.log(measured[images, classes])
    if len(images) < _LEAST_PAIRS or np.ptp(x) < np.log(_LEAST_RANGE):
        return None
    x, y = _within(x, classes), _within(y, classes)
    scatter = np.bincount(classes, y * y) / np.maximum(1, np.bincount(classes))
    pull = x / np.maximum(_LEAST_SCATTER, scatter[classes])
    if not (weight := float(pull @ x)) > 1e-9:  # no class is in images of two sizes
        return None
    slope = float(pull @ y) / weight
    error = spread(pull * (y - slope * x), clusters[images])
    return None if error is None else Growth(slope, error / weight, len(images))


def _thin(measured: Floats, short: Floats) -> Mask:
    """(classes,): whose thickness is no more than `_THIN` of the short side in half of the images
    at least."""
    thin, seen = measured <= _THIN * short[:, None], np.isfinite(measured)
    return 2 * thin.sum(0) >= np.maximum(1, seen.sum(0))


def _within(values: Floats, classes: NDArray[np.int64]) -> Floats:
    """Less the mean of the class."""
    means = np.bincount(classes, values) / np.maximum(1, np.bincount(classes))
    return values - means[classes]
