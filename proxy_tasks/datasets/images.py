"""Image files and label maps as arrays, and what is refused with the file named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from proxy_tasks.datasets import tiff
from proxy_tasks.datasets.base import Raster
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.large import as_array, check_fits

# The files are the user's own: an orthophoto of 200 million pixels is no attack.
Image.MAX_IMAGE_PIXELS = None

_DEEP_MODES = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
_INDEX_MODES = frozenset({"1", "L", "P"}) | _DEEP_MODES
_DEPTHS = {np.dtype(np.uint8): 8, np.dtype(np.uint16): 16}
_SIDEWAYS = 5  # EXIF orientations from this one on swap height and width
_COLOURS_SHOWN = 32

Values = np.ndarray
"""(H, W) of label values, of whatever integer or float type the file has."""


class Header(NamedTuple):
    """What an image's first bytes say. ``size`` is (height, width) as stored; ``orientation``,
    how EXIF would have it turned, 1 for not at all."""

    size: tuple[int, int]
    channels: int
    depth: int
    orientation: int = 1

    @property
    def turned_size(self) -> tuple[int, int]:
        """(height, width) as viewers show it, and as `read_image` returns it."""
        return self.size if self.orientation < _SIDEWAYS else (self.size[1], self.size[0])


def read_header(path: Path) -> Header:
    """Without decoding the pixels. Raises Fault."""
    with _told(path):
        if form := _form(path):
            height, width, bands = form.shape
            return Header((height, width), _channels(bands), _depth(path, form), form.orientation)
        with Image.open(path) as image:
            depth = 16 if _is_deep(image) else 8
            return Header((image.height, image.width), 3, depth, _orientation(image))


def read_image(path: Path) -> Raster:
    """(H, W, C) uint8 or uint16, turned as its EXIF data say.

    C is 3 for what is grey or has a palette, and the number of bands for other TIFFs; what is
    marked as alpha is left out. Raises Fault.
    """
    with _told(path):
        if form := _form(path):
            _depth(path, form)
            check_fits(path, form.shape[:2], 2 * form.shape[2] * form.dtype.itemsize)
            return turn(_coloured(tiff.read_bands(path)), form.orientation)
        with _opened(path) as image:
            if _is_deep(image):
                orientation = _orientation(image)
                return turn(_coloured(_deep_png(path)), orientation)
            ImageOps.exif_transpose(image, in_place=True)
            return as_array(image if image.mode == "RGB" else image.convert("RGB"))


def read_values(path: Path) -> Values:
    """(H, W); a palette image gives its indices, one in grey that has three channels the first of
    them. Raises Fault."""
    with _told(path):
        if (form := _form(path)) and form.shape[2] == 1:
            check_fits(path, form.shape[:2], 2 * form.dtype.itemsize)
            return turn(tiff.read_bands(path)[:, :, 0], form.orientation)
        with _opened(path) as image:
            deep = image.mode not in _INDEX_MODES and _is_deep(image)
            image.load()
    if image.mode in _INDEX_MODES:
        values = as_array(image)
        return values.astype(np.uint8) if values.dtype == np.bool_ else values
    rgb = np.asarray(image.convert("RGB"))
    # As OpenCV writes masks: no colour is there that could mean something else than its grey.
    if not deep and (rgb[:, :, :1] == rgb[:, :, 1:]).all():
        return rgb[:, :, 0]
    raise _in_colour(path, image)


def read_colours(path: Path) -> Values:
    """(H, W) int32 of colours as 0xRRGGBB; palettes are looked up. Raises Fault."""
    with _told(path), _opened(path) as image:
        if image.mode in _DEEP_MODES or _is_deep(image):
            raise Fault(
                path,
                "has no colours of 8 bits but data.values lists colours: list its values there",
                kind="no-colours",
                summary="have no colours of 8 bits but data.values lists colours",
                mend="list label values there",
            )
        return _packed(image)


def colours_in(path: Path) -> tuple[dict[int, int], bool] | None:
    """Pixels by colour, 0xRRGGBB, and whether they come from a palette; None for one grey channel.
    Raises Fault."""
    with _told(path):
        if (form := _form(path)) and form.shape[2] not in (3, 4):
            return None
        with _opened(path) as image:
            if image.mode in ("1", "L", "LA") or image.mode in _DEEP_MODES:
                return None
            indexed = image.mode == "P"
            # A hash of colours is ten times faster than sorting the pixels, while they are few.
            found = image.convert("RGB").getcolors(1 << 12)
            if found is None:
                values, counts = np.unique(_packed(image), return_counts=True)
                return dict(zip(values.tolist(), counts.tolist(), strict=True)), indexed
    return {r << 16 | g << 8 | b: number for number, (r, g, b) in found}, indexed  # type: ignore[misc]


def read_size(path: Path) -> tuple[int, int]:
    """(height, width) as stored, also of label maps of other types than images have. Raises
    Fault."""
    with _told(path):
        if form := _form(path):
            return form.shape[0], form.shape[1]
        with Image.open(path) as image:
            return image.height, image.width


def is_jpeg(path: Path) -> bool:
    """By what it begins with. Raises Fault."""
    with _told(path), path.open("rb") as file:
        return file.read(3) == b"\xff\xd8\xff"


def turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """(H, W, ...) as EXIF's ``orientation`` (1 to 8) says: mirrored, upside down, sideways."""
    if orientation >= _SIDEWAYS:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def histogram(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(256,): how often each value is there. By rows, as numpy widens what it counts to 64 bits."""
    rows = max(1, (1 << 22) // max(1, values.shape[-1]))
    counts = np.zeros(256, np.int64)
    for first in range(0, len(values), rows):
        counts += np.bincount(values[first : first + rows].ravel(), minlength=256)
    return counts


def size(pixels: np.ndarray) -> str:
    """HEIGHTxWIDTH, as sizes are given on the command line."""
    return f"{pixels.shape[0]}x{pixels.shape[1]}"


def colour_text(colour: int) -> str:
    """0xRRGGBB as data.values has it: ``128 64 128``."""
    return " ".join(str(colour >> shift & 255) for shift in (16, 8, 0))


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """With room for its pixels. Raises Fault."""
    with Image.open(path) as image:
        check_fits(path, (image.height, image.width))
        yield image


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Whatever a decoder raises as a Fault: each format's has errors of its own."""
    try:
        yield
    except (Fault, MemoryError):
        raise
    except Exception as error:
        reason = getattr(error, "strerror", None) or "it is not an image, or it is damaged"
        raise Fault(path, f"cannot be read: {reason}; replace or remove it") from error


def _form(path: Path) -> tiff.Form | None:
    return tiff.read_form(path) if tiff.is_tiff(path) else None


def _depth(path: Path, form: tiff.Form) -> int:
    if (depth := _DEPTHS.get(form.dtype)) is None:
        raise Fault(
            path,
            f"has {form.dtype} values: save it with 8 or 16 bits per channel (uint8, uint16)",
            kind="depth",
            summary=f"have {form.dtype} values",
            mend="save them with 8 or 16 bits per channel (uint8, uint16)",
        )
    return depth


def _is_deep(image: Image.Image) -> bool:
    """Whether it has 16 bits a channel, of which Pillow keeps 8 where there are several. Before
    its pixels are loaded: its tiles say how they are stored."""
    return image.mode in _DEEP_MODES or any(
        ";16" in str(tile[3]) for tile in getattr(image, "tile", ())
    )


def _deep_png(path: Path) -> np.ndarray:
    """(H, W, bands) without alpha."""
    pixels = np.atleast_3d(imagecodecs.png_decode(path.read_bytes()))
    return pixels[:, :, : 1 if pixels.shape[2] < 3 else 3]


def _coloured(pixels: np.ndarray) -> np.ndarray:
    """(H, W, C): one band is repeated."""
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels


def _channels(bands: int) -> int:
    return 3 if bands == 1 else bands


def _orientation(image: Image.Image) -> int:
    told = image.getexif().get(ExifTags.Base.Orientation, 1)
    return told if isinstance(told, int) and 1 <= told <= 8 else 1


def _packed(image: Image.Image) -> Values:
    red, green, blue = np.moveaxis(np.asarray(image.convert("RGB")), 2, 0)
    return (red.astype(np.int32) << 16) | (green.astype(np.int32) << 8) | blue


def _in_colour(path: Path, image: Image.Image) -> Fault:
    what = f"is an {image.mode} image: a label map has one channel, value = class index;"
    found = image.convert("RGB").getcolors(_COLOURS_SHOWN) or []
    colours = {" ".join(map(str, colour)): number for number, colour in found}  # type: ignore[arg-type]
    return Fault(
        path,
        f"{what} for colours write a value map, as in data.values: {{128 64 128: road}}",
        kind="colour-labels",
        summary="are label maps in colours, but no colour has a meaning",
        mend="say what each means, as in data.values: {UNNAMED}" if colours else "",
        values=colours,
    )
