"""Shapes as labelling tools keep them, and the pixels that they cover.

Coordinates are (x, y) in pixels from the top left corner of the image, so that its first pixel
lies within (0, 0) and (1, 1). A pixel belongs to a polygon that holds its centre, up to
pycocotools' own rounding; where a polygon crosses itself, twice inside is outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_masks

Size = tuple[int, int]
"""(height, width)"""
Points = NDArray[np.float64]
"""(N, 2) of x and y."""
Bits = NDArray[np.bool_]

_CORNERS = 90
"""Of a polygon that stands for a circle: it misses a thousandth of the area."""


_LONGEST, _LONGEST_SHARE = 1e7, 1e3
"""Of a polygon's outline: pixels, and widths of its image."""


class Window(NamedTuple):
    """``inside`` (h, w) says which pixels are covered; its first is (top, left) of the image."""

    top: int
    left: int
    inside: Bits

    @property
    def place(self) -> tuple[slice, slice]:
        """Where in the image it lies."""
        height, width = self.inside.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


class Shape(Protocol):
    """An area of an image."""

    def window(self, size: Size, step: int = 1) -> Window:
        """The pixels that it covers of an image of this size; what sticks out is cut off. With
        ``step``, of every so many rows and columns the middle one: a picture of size // step."""
        ...


@dataclass(frozen=True, eq=False)
class Polygons:
    """All that lies in any of the polygons. With ``relative``, 1 is the image's width or height."""

    parts: tuple[Points, ...]
    relative: bool = False

    def __post_init__(self) -> None:
        # pycocotools walks along the outline, and crashes where that is longer than its memory.
        if sum(map(_length, self.parts)) > (_LONGEST_SHARE if self.relative else _LONGEST):
            raise ValueError("an outline is longer than any image's")

    def window(self, size: Size, step: int = 1) -> Window:
        scale = np.array((size[1], size[0]) if self.relative else (1, 1)) / step
        height, width = size[0] // step, size[1] // step
        parts = [part * scale for part in self.parts]
        low, high = np.min([p.min(0) for p in parts], 0), np.max([p.max(0) for p in parts], 0)
        left, top = max(0, floor(low[0])), max(0, floor(low[1]))
        right, bottom = min(width, ceil(high[0]) + 1), min(height, ceil(high[1]) + 1)
        if right <= left or bottom <= top:
            return Window(0, 0, np.zeros((0, 0), np.bool_))
        moved = [(part - (left, top)).ravel().tolist() for part in parts]
        return Window(top, left, _filled(moved, bottom - top, right - left))


@dataclass(frozen=True)
class Runs:
    """A mask of ``height`` by ``width`` whose first pixel is (top, left) of the image, packed as
    pycocotools does."""

    top: int
    left: int
    height: int
    width: int
    counts: bytes

    def window(self, size: Size, step: int = 1) -> Window:
        packed = {"size": [self.height, self.width], "counts": self.counts}
        inside = coco_masks.decode(packed).astype(np.bool_)
        top, rows = _taken(self.top, self.height, size[0], step)
        left, columns = _taken(self.left, self.width, size[1], step)
        return Window(top, left, inside[rows, columns])


def polygons(rings: Sequence[Sequence[float]], relative: bool = False) -> Polygons | None:
    """Of flat lists x, y, x, y. Rings of less than three points enclose nothing and are left out;
    None where no ring is left. Raises ValueError for what are no coordinates."""
    parts = [np.asarray(ring, np.float64).reshape(-1, 2) for ring in rings]
    if not all(np.isfinite(part).all() for part in parts):
        raise ValueError("coordinates must be finite")
    whole = tuple(part for part in parts if len(part) > 2)
    return Polygons(whole, relative) if whole else None


def box(left: float, top: float, right: float, bottom: float, degrees: float = 0) -> Polygons:
    """Turned clockwise about its centre by so many ``degrees``."""
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)
    return Polygons((_turned(corners, degrees),))


def ellipse(x: float, y: float, rx: float, ry: float, degrees: float = 0) -> Polygons:
    """About (x, y), with the radii rx and ry, turned clockwise by so many ``degrees``."""
    angles = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    points = np.stack([x + rx * np.cos(angles), y + ry * np.sin(angles)], 1)
    return Polygons((_turned(points, degrees),))


def packed(inside: Bits, top: int = 0, left: int = 0) -> Runs:
    """A mask (h, w) whose first pixel is (top, left) of the image."""
    counts = coco_masks.encode(np.asfortranarray(inside, dtype=np.uint8))["counts"]
    return Runs(top, left, inside.shape[0], inside.shape[1], counts)


def _length(points: Points) -> float:
    """Of the closed outline, along its longer sides."""
    return float(np.abs(points - np.roll(points, 1, axis=0)).max(1).sum())


def _taken(first: int, length: int, whole: int, step: int) -> tuple[int, slice]:
    """Of a mask from ``first`` on in an image ``whole`` long: the place of the first row that is
    taken, and which are."""
    middle = step // 2
    start, end = (max(0, -(-(each - middle) // step)) for each in (first, first + length))
    end = min(end, whole // step)
    inner = start * step + middle - first
    return start, slice(inner, inner + max(0, end - start) * step, step)


def _filled(rings: list[list[float]], height: int, width: int) -> Bits:
    return coco_masks.decode(coco_masks.merge(coco_masks.frPyObjects(rings, height, width))).astype(
        np.bool_
    )


def _turned(points: Points, degrees: float) -> Points:
    if not degrees:
        return points
    angle, centre = np.deg2rad(degrees), (points.min(0) + points.max(0)) / 2
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    return (points - centre) @ turn + centre
