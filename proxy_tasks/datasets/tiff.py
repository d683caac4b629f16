"""TIFF files with more bands or bits than Pillow reads, by tifffile."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile

from proxy_tasks.datasets.faults import Fault

# What it finds odd in a file is no news to our users: what cannot be read is said in our own line.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PLAIN = (tifffile.PHOTOMETRIC.MINISBLACK, tifffile.PHOTOMETRIC.RGB)
_ALPHA = (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA)
_ORIENTATION = 274
_SERIES = frozenset("ZT")
"""Axes along which pictures follow each other, in depth or in time."""


class Form(NamedTuple):
    """What the header says: ``shape`` is (H, W, bands) without what is marked as alpha."""

    shape: tuple[int, int, int]
    dtype: np.dtype
    orientation: int


def is_tiff(path: Path) -> bool:
    """By what it begins with, whatever it is called. Raises OSError."""
    with path.open("rb") as file:
        return file.read(4) in _MAGIC


def read_form(path: Path) -> Form | None:
    """None where Pillow knows better: palettes, CMYK, black on white, less than 8 bits.

    Raises Fault for several pictures in one file, and what tifffile raises for a damaged one.
    """
    with tifffile.TiffFile(path) as file:
        if not _is_plain(file):
            return None
        height, width, bands = _arranged_shape(path, file.series[0])
        tag = _page(file).tags.get(_ORIENTATION)
        kept = bands - len(_alphas(file, bands))
        dtype = np.dtype(file.series[0].dtype)
        return Form((height, width, kept), dtype, int(tag.value) if tag else 1)


def read_bands(path: Path) -> np.ndarray:
    """(H, W, bands) of the file's own type, as they are stored, without what is marked as alpha.

    For files that have a `read_form`. Raises as that does.
    """
    with tifffile.TiffFile(path) as file:
        series = file.series[0]
        shape = _arranged_shape(path, series)
        array = series.asarray()
        array = array.reshape(shape) if array.ndim == 2 else array
        arranged = array if array.shape == shape else np.moveaxis(array, 0, -1)
        alphas = _alphas(file, shape[2])
        return np.delete(arranged, alphas, axis=2) if alphas else arranged


def _page(file: tifffile.TiffFile) -> tifffile.TiffPage:
    """The first, which always has tags of its own."""
    return file.pages.first


def _is_plain(file: tifffile.TiffFile) -> bool:
    return _page(file).photometric in {*_PLAIN} and _page(file).bitspersample >= 8


def _arranged_shape(path: Path, series: tifffile.TiffPageSeries) -> tuple[int, int, int]:
    """Bands come last, or first where each is stored by itself; there are fewer than pixels."""
    shape, axes = series.shape, series.axes
    if len(shape) == 2:
        return shape[0], shape[1], 1
    if len(shape) != 3 or _SERIES & {*axes}:
        raise Fault(path, f"holds several pictures (axes {axes}): save each as a file of its own")
    last = axes[2] == "S" or (axes[0] != "S" and shape[2] < shape[0])
    first, second, third = shape
    return (first, second, third) if last else (second, third, first)


def _alphas(file: tifffile.TiffFile, bands: int) -> list[int]:
    extra = tuple(_page(file).extrasamples)
    if _page(file).samplesperpixel != bands:
        return []
    first = bands - len(extra)
    return [first + place for place, kind in enumerate(extra) if kind in _ALPHA]
