"""All that is measured of one image and its label map, while they are in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proxy_tasks.datasets.base import IGNORE, Pixels
from proxy_tasks.datasets.places import centres
from proxy_tasks.datasets.thickness import thicknesses
from proxy_tasks.datasets.traits import ChannelTraits, Size
from proxy_tasks.datasets.twins import Sketch, sketch

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

_RUN = 1 << 20
_TAIL = 0.005


@dataclass(frozen=True)
class Look:
    """Of one pair. ``pixels``: (classes,); ``centres``: (2, classes), see `places.centres`. Of
    training images alone: ``values``, (channels, 256 or 65536), how many pixels have each value;
    ``thickness``, (classes,), see `thickness.thicknesses`, of some."""

    size: Size
    pixels: Counts
    void: int
    centres: Floats
    sketch: Sketch
    values: Counts | None = None
    thickness: Floats | None = None


def look(image: np.ndarray, labels: Pixels, classes: int, train: bool, measure: bool) -> Look:
    """``train``: with the values; ``measure``: with the thickness of structures."""
    pixels, places = centres(labels, classes)
    return Look(
        size=(labels.shape[0], labels.shape[1]),
        pixels=pixels[:classes],
        void=int(pixels[IGNORE]),
        centres=places,
        sketch=sketch(image),
        values=_values(image) if train else None,
        thickness=thicknesses(labels, classes) if measure else None,
    )


def _values(image: np.ndarray) -> Counts:
    """A few rows at a time: counting makes integers of eight bytes of all pixels."""
    height, width, channels = image.shape
    levels, rows = 1 << 8 * image.dtype.itemsize, max(1, _RUN // width)
    counts = np.zeros((channels, levels), np.int64)
    for top in range(0, height, rows):
        for channel in range(channels):
            part = image[top : top + rows, :, channel]
            counts[channel] += np.bincount(part.ravel(), minlength=levels)
    return counts


def channel_traits(counts: Counts) -> ChannelTraits:
    """Of (levels,) numbers of pixels by value, at least one."""
    levels = np.arange(len(counts))
    total, top = int(counts.sum()), len(counts) - 1
    mean = float(levels @ counts) / total
    std = float(np.sqrt(np.square(levels - mean) @ counts / total))
    reached = np.cumsum(counts)
    places = np.maximum(1, np.ceil(np.array([0, _TAIL, 1 - _TAIL, 1]) * total))
    lowest, dark, bright, highest = (np.searchsorted(reached, places) / top).tolist()
    return ChannelTraits(mean / top, std / top, lowest, dark, bright, highest)


def bits_used(counts: Counts) -> int:
    """Of (channels, levels): what the largest value takes."""
    return max(1, int(np.flatnonzero(counts.any(0))[-1]).bit_length())
