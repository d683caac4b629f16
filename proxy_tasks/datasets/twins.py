"""Images that are in two parts of a data set: a score on them measures memory."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from proxy_tasks.datasets.base import Split
from proxy_tasks.datasets.traits import Twin

GRID = (32, 36)
"""(rows, columns) of a thumbnail; 8 x 9 of its blocks make the hash."""

BITS = 4
"""Hashes of near twins differ in no more of the 64: saving as JPEG of quality 30, or at half the
size, changes up to so many bits of 98 images in 100 (street scenes, aerial pictures)."""

DIFFERENCE = 0.05
"""Thumbnails of near twins differ by less on average, in units of their own contrast: saving again
changes them by 0.01 to 0.03, and frames of a film, a second apart, differ by 0.05 where the camera
stands still, pictures of different places by 0.3 and more."""


@dataclass(frozen=True)
class Sketch:
    """An image to compare others with. ``digest``: of all its values; ``thumbnail``: of `GRID`,
    float32, with mean 0 and spread 1 (0 of an image of one value); ``bits``: (64,), difference hash
    (Krawetz, "Kind of like that", 2013)."""

    digest: bytes
    thumbnail: NDArray[np.float32]
    bits: NDArray[np.bool_]


def sketch(image: np.ndarray) -> Sketch:
    """Of an image (H, W, C) of whatever depth."""
    digest = hashlib.blake2b(f"{image.shape} {image.dtype}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(image).data)
    grey = _means(image)
    blocks = grey.reshape(8, GRID[0] // 8, 9, GRID[1] // 9).mean((1, 3))
    spread = grey.std()
    thumbnail = (grey - grey.mean()) / (spread if spread > 0 else 1)
    bits = (blocks[:, 1:] > blocks[:, :-1]).ravel()
    return Sketch(digest.digest(), thumbnail.astype(np.float32), bits)


def _means(image: np.ndarray) -> NDArray[np.float64]:
    """Of all channels and of the pixels in each cell of `GRID`, a row of cells at a time. A small
    image repeats its pixels."""
    rows, columns = (_cells(side, n) for side, n in zip(image.shape, GRID, strict=False))
    bands = [image[top:bottom].mean(0, dtype=np.float64).mean(1) for top, bottom in rows]
    return np.stack([[band[left:right].mean() for left, right in columns] for band in bands])


def _cells(side: int, number: int) -> list[tuple[int, int]]:
    """Begin and end of each of ``number`` equal parts of ``side`` pixels, of one pixel at least."""
    bounds = [place * side // number for place in range(number + 1)]
    return [(start, max(start + 1, end)) for start, end in pairwise(bounds)]


@dataclass(frozen=True)
class Sketched:
    """An image of some part, and its sketch. ``fold``: in which it is validated on, where train is
    validated on in folds."""

    part: Split
    name: str
    sketch: Sketch
    fold: int | None = None


def twins(images: Sequence[Sketched]) -> tuple[Twin, ...]:
    """Of each image of val, its twin in train, if there is one; of each image of test, its twin in
    train or val; of each image of a fold, its twin in another fold, once.

    ``images``: those of train, of val and of test, in this order.
    """
    bits = [image.sketch.bits for image in images]
    signs = np.where(np.reshape(bits, (len(images), 64)), 1, -1).astype(np.float32)
    found = []
    for place, image in enumerate(images):
        agree = signs[:place] @ signs[place]  # 64, less twice the bits that differ
        near = np.flatnonzero(agree >= 64 - 2 * BITS).tolist()
        others = [images[other] for other in near if _apart(image, images[other])]
        apart = [_difference(image.sketch, other.sketch) for other in others]
        if apart and min(apart) < DIFFERENCE:
            twin = others[apart.index(min(apart))]
            exact = twin.sketch.digest == image.sketch.digest
            found.append(Twin(image.part, image.name, twin.part, twin.name, exact))
    return tuple(found)


def _apart(one: Sketched, other: Sketched) -> bool:
    """Whether one is trained on where the other is scored."""
    return one.part != other.part or one.fold != other.fold


def _difference(one: Sketch, other: Sketch) -> float:
    """0 of equal images. 1 for an image of one value, of which a thumbnail says nothing."""
    if one.digest == other.digest:
        return 0.0
    if not (one.thumbnail.any() and other.thumbnail.any()):
        return 1.0
    return float(np.abs(one.thumbnail - other.thumbnail).mean())
