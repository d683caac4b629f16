"""Images brought to another size, the same to the bit on every machine.

The triangle filter, widened where an image shrinks, so that no pixel is skipped. Of 8-bit images it
makes what Pillow's ``Image.resize(size, BILINEAR)`` makes; 16-bit images, which Pillow has of one
channel only, follow the same rule. Bundled into exports, so it imports nothing but numpy.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

FRACTION = {1: 22, 2: 30}
"""Bytes of a value -> bits of a weight's fraction: Pillow's 22, and more where values are finer.
All sums then fit into float64 exactly, so no order of summation makes a difference."""

_ROWS, _COLUMNS = 32, 1 << 13
"""Of the output, computed at once: a matrix product of a few megabytes."""


def resized(image_HWC: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """An image, uint8 or uint16, at ``size`` (height, width), of the same dtype.

    Each side in its turn, rounded to whole values both times; in the order of Pillow 13, which
    begins with the height where that loses more than twice as many pixels as the width.
    """
    (height, width), (wanted_height, wanted_width) = image_HWC.shape[:2], size
    lost = height - wanted_height
    if lost > max(0, 2 * (width - wanted_width)):
        return _wide(_high(image_HWC, wanted_height), wanted_width)
    return _high(_wide(image_HWC, wanted_width), wanted_height)


def _wide(image_HWC: NDArray[Any], width: int) -> NDArray[Any]:
    return _high(image_HWC.transpose(1, 0, 2), width).transpose(1, 0, 2)


def _high(image_HWC: NDArray[Any], height: int) -> NDArray[Any]:
    if len(image_HWC) == height:
        return image_HWC
    rows = np.ascontiguousarray(image_HWC).reshape(len(image_HWC), -1)
    found = np.empty((height, rows.shape[1]), rows.dtype)
    top = np.iinfo(rows.dtype).max
    for out, read, weights in _blocks(len(rows), height, FRACTION[rows.itemsize]):
        for left in range(0, rows.shape[1], _COLUMNS):
            columns = slice(left, left + _COLUMNS)
            total = weights @ rows[read, columns].astype(np.float64)
            total += 0.5
            # Rounded weights may sum to a little more than 1. The cast cuts the fraction off.
            found[out, columns] = np.minimum(total, top, out=total)
    return found.reshape(height, *image_HWC.shape[1:])


def _blocks(small: int, large: int, bits: int) -> Iterator[tuple[slice, slice, NDArray[Any]]]:
    """Some rows of the output, the rows of the input that they are made of, and the weights."""
    first, taps = _taps(small, large, bits)
    for top in range(0, large, _ROWS):
        out = slice(top, min(top + _ROWS, large))
        places = first[out, None] - first[top] + np.arange(taps.shape[1])
        weights = np.zeros((len(places), places[-1, -1] + 1))
        np.put_along_axis(weights, places, taps[out], 1)
        weights = weights[:, : small - first[top]]  # no weight lies beyond the last row
        yield out, slice(first[top], first[top] + weights.shape[1]), weights


def _taps(small: int, large: int, bits: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each row of the output the first row of the input that counts, and the weights from
    there on: (large,) and (large, taps). Operation by operation as Pillow's Resample.c."""
    scale = small / large
    support = max(scale, 1.0)
    centre = (np.arange(large) + 0.5) * scale
    first = np.maximum((centre - support + 0.5).astype(np.int64), 0)
    last = np.minimum((centre + support + 0.5).astype(np.int64), small)
    places = first[:, None] + np.arange(math.ceil(support) * 2 + 1)
    away = np.abs((places - centre[:, None] + 0.5) * (1.0 / support))
    taps = np.where((places < last[:, None]) & (away < 1), 1.0 - away, 0.0)
    taps /= np.add.accumulate(taps, 1)[:, -1:]  # added up one by one, as C does
    return first, np.floor(taps * 2.0**bits + 0.5) / 2.0**bits
