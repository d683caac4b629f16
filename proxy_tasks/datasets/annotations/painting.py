"""A label map from shapes, and what had to be decided to make it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np

from proxy_tasks.datasets.annotations.shapes import Shape, Size, Window
from proxy_tasks.datasets.base import IGNORE, Pixels

Overlap = Literal["file", "small"]
OVERLAPS: tuple[Overlap, ...] = ("file", "small")
"""What lies on top where shapes overlap: the later in the file's own order, or the smaller."""


class Tally(NamedTuple):
    """Of the ``pixels`` of an image: ``contested`` lie in shapes of different classes,
    ``uncovered`` in none."""

    pixels: int
    contested: int
    uncovered: int


class Painted(NamedTuple):
    """``labels`` (H, W), and what had to be decided."""

    labels: Pixels
    tally: Tally


def paint(
    shapes: Iterable[tuple[int, Shape]],
    size: Size,
    overlap: Overlap,
    uncovered: int = IGNORE,
    step: int = 1,
) -> Painted:
    """Shapes with their class index or `IGNORE`, from the lowest to the topmost of the file.
    Pixels in none of them get the label ``uncovered``. With ``step``, of every so many rows and
    columns the middle one."""
    windows = [(index, shape.window(size, step)) for index, shape in shapes]
    size = (size[0] // step, size[1] // step)
    if overlap == "small":
        windows.sort(key=_area, reverse=True)
    labels = np.full(size, uncovered, np.uint8)
    covered, contested = np.zeros((2, *size), np.bool_)
    for index, window in windows:
        place, inside = window.place, window.inside
        contested[place] |= inside & covered[place] & (labels[place] != index)
        covered[place] |= inside
        labels[place][inside] = index
    uncovered_pixels = int(covered.size - covered.sum())
    return Painted(labels, Tally(labels.size, int(contested.sum()), uncovered_pixels))


def _area(labelled: tuple[int, Window]) -> int:
    return int(labelled[1].inside.sum())
