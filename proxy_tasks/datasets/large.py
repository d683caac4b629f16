"""Images that fill the memory: what they take is known from their headers, and no pixel is held
once more than it must be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from proxy_tasks.datasets.faults import Fault
from proxy_tasks.room import memory

READING = 8
"""Bytes that reading takes of a pixel at its peak: Pillow's four, ours, and the label's."""
LABELLING = 10
"""The same of an image that is labelled, with the picture that shows it."""
_BAND = 1 << 22
"""Pixels that are handed over at once."""


def check_fits(path: Path, size: tuple[int, int], each: int = READING) -> None:
    """Raises Fault where an image of (height, width), ``each`` bytes a pixel, is more than this
    machine holds: a file of some kilobytes may say that it is a hundred thousand pixels wide."""
    need, there = size[0] * size[1] * each, memory()
    if need > there:
        raise Fault(
            path,
            f"has {size[0]}x{size[1]} pixels: they take {need / 1e9:,.0f} GB, and this machine has"
            f" {there / 1e9:,.0f}; cut it into tiles",
        )


def as_array(image: Image.Image) -> np.ndarray:
    """(H, W) or (H, W, bands) of a whole image, as numpy makes it, a band of rows at a time: at
    once, Pillow would join a copy of it from pieces of a copy."""
    step = max(1, _BAND // max(1, image.width))
    if image.height <= step:
        return np.asarray(image)
    rows = [slice(top, min(top + step, image.height)) for top in range(0, image.height, step)]
    first = _band(image, rows[0])
    found = np.empty((image.height, *first.shape[1:]), first.dtype)
    for each in rows:
        found[each] = _band(image, each)
    return found


def _band(image: Image.Image, rows: slice) -> np.ndarray:
    return np.asarray(image.crop((0, rows.start, image.width, rows.stop)))
