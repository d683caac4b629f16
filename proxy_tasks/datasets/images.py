"""Image files and label maps as arrays, and what is refused with the file named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from proxy_tasks.datasets.base import Pixels
from proxy_tasks.datasets.faults import Fault

_DEEP_MODES = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
_INDEX_MODES = frozenset({"1", "L", "P"}) | _DEEP_MODES

Values = np.ndarray
"""(H, W) of label values, of whatever integer or float type the file has."""


def read_image(path: Path) -> Pixels:
    """(H, W, 3) uint8, turned as its EXIF data say. Raises Fault."""
    image = _open(path)
    if image.mode in _DEEP_MODES:
        raise Fault(path, "has more than 8 bits a channel: convert it to 8-bit RGB")
    return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def read_values(path: Path) -> Values:
    """(H, W); a palette image gives its indices. Raises Fault."""
    image = _open(path)
    if image.mode not in _INDEX_MODES:
        raise Fault(
            path,
            f"is an {image.mode} image: a label map has one channel, value = class index;"
            " for colours write a value map, as in data.values: {128 64 128: road}",
        )
    values = np.asarray(image)
    return values.astype(np.uint8) if values.dtype == np.bool_ else values


def read_colours(path: Path) -> Values:
    """(H, W) int32 of colours as 0xRRGGBB; palettes are looked up. Raises Fault."""
    image = _open(path)
    if image.mode in _DEEP_MODES:
        raise Fault(path, "has no colours but data.values lists colours: list its values there")
    red, green, blue = np.moveaxis(np.asarray(image.convert("RGB")), 2, 0)
    return (red.astype(np.int32) << 16) | (green.astype(np.int32) << 8) | blue


def size(pixels: np.ndarray) -> str:
    """HEIGHTxWIDTH, as sizes are given on the command line."""
    return f"{pixels.shape[0]}x{pixels.shape[1]}"


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            image.load()
            return image
    # Pillow has no common error for broken files: each format's parser raises its own.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or "it is no image or it is damaged"
        raise Fault(path, f"cannot be read: {reason}; replace or remove it") from error
