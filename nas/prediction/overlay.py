"""Pictures of predictions: the image under its classes' colours, with a legend below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from proxy_tasks.datasets.base import Colour, Pixels, Raster
from proxy_tasks.datasets.images import histogram
from search_space.printable import one_line

STRENGTH = 0.55
"""Of the class's colour over the image."""
NARROWEST = 640
"""Pixels: smaller images are enlarged, so that the legend can be read."""
BAND = 256
"""Rows that are blended at once."""
DARKEST, BRIGHTEST = 1, 99
"""Percentiles of a band that are shown black and white."""
INK, FAINT, PAPER = (26, 26, 26), (158, 158, 158), (255, 255, 255)


def visible(image_HWC: Raster) -> Pixels:
    """(H, W, 3) uint8 that people can look at: colours as they are; of more or fewer bands, or of
    16 bits, the first three bands, each stretched over what a screen shows."""
    if image_HWC.shape[2] == 3 and image_HWC.dtype == np.uint8:
        return image_HWC.view(np.uint8)
    bands = image_HWC[..., [min(band, image_HWC.shape[2] - 1) for band in range(3)]]
    low, high = np.percentile(bands, (DARKEST, BRIGHTEST), (0, 1))
    shown = (bands - low) * (255 / np.maximum(high - low, 1))
    return shown.clip(0, 255).astype(np.uint8)


def label_map(labels_HW: Pixels, palette: Sequence[Colour]) -> Image.Image:
    """One channel, value = class index, shown in the palette's colours."""
    image = Image.fromarray(labels_HW)
    image.putpalette([channel for colour in palette for channel in colour])
    return image


def overlay(
    image_HW3: Pixels, labels_HW: Pixels, classes: Sequence[str], palette: Sequence[Colour]
) -> Image.Image:
    """The image blended with its labels, borders of classes drawn, and a legend strip: classes
    that do not occur are greyed."""
    factor = max(1, -(-NARROWEST // labels_HW.shape[1]))
    size = labels_HW.shape[1] * factor, labels_HW.shape[0] * factor
    if factor > 1:
        image_HW3 = np.asarray(Image.fromarray(image_HW3).resize(size, Image.Resampling.BICUBIC))
        labels_HW = np.asarray(Image.fromarray(labels_HW).resize(size, Image.Resampling.NEAREST))
    present = histogram(labels_HW)[: len(classes)] > 0
    below = legend(size[0], classes, palette, list(present))
    whole = Image.new("RGB", (size[0], size[1] + below.height), PAPER)
    for top in range(0, size[1], BAND):  # of a large image, each copy is a gigabyte
        rows = slice(top, min(top + BAND, size[1]))
        whole.paste(_blended(image_HW3[rows], labels_HW, rows, palette), (0, top))
    whole.paste(below, (0, size[1]))
    return whole


def _blended(
    image_rW3: Pixels, labels_HW: Pixels, rows: slice, palette: Sequence[Colour]
) -> Image.Image:
    """Some rows of the image under their labels."""
    colours = label_map(np.ascontiguousarray(labels_HW[rows]), palette).convert("RGB")
    picture = Image.blend(Image.fromarray(image_rW3), colours, STRENGTH)
    picture.paste(PAPER, mask=_borders(labels_HW, rows))
    return picture


def _borders(labels_HW: Pixels, rows: slice) -> Image.Image:
    """A mask of where, in these rows, the class changes to the right or below."""
    here, below = labels_HW[rows], labels_HW[rows.start + 1 : rows.stop + 1]
    found = np.zeros(here.shape, bool)
    found[:, :-1] |= here[:, 1:] != here[:, :-1]
    found[: len(below)] |= here[: len(below)] != below
    return Image.fromarray(found)


def legend(
    width: int, classes: Sequence[str], palette: Sequence[Colour], present: Sequence[bool]
) -> Image.Image:
    """A swatch and a name for each class, in as many columns as fit."""
    unit = max(12, width // 70)
    font = ImageFont.truetype(font_file(), unit)
    names = [_fitting(name, font, width - 4 * unit) for name in classes]
    column = int(max(font.getlength(name) for name in names)) + 3 * unit
    rows = -(-len(names) // max(1, (width - unit) // column))
    columns = -(-len(names) // rows)  # rows of one length
    line = unit * 7 // 4
    strip = Image.new("RGB", (width, rows * line + unit), PAPER)
    draw = ImageDraw.Draw(strip)
    for index, name in enumerate(names):
        x = unit + index % columns * column
        middle = unit // 2 + index // columns * line + line // 2
        box = (x, middle - unit // 2, x + unit, middle + unit // 2)
        fill = palette[index] if present[index] else PAPER
        draw.rectangle(box, fill=fill, outline=palette[index] if present[index] else FAINT)
        ink = INK if present[index] else FAINT
        draw.text((x + unit * 3 // 2, middle), name, ink, font, anchor="lm")
    return strip


def _fitting(name: str, font: ImageFont.FreeTypeFont, room: float) -> str:
    """The name on one line, shortened where it is wider than the picture."""
    name = one_line(name)
    if font.getlength(name) <= room:
        return name
    while name and font.getlength(name + "…") > room:
        name = name[:-1]
    return name + "…"


def above(top: Image.Image, below: Image.Image) -> Image.Image:
    whole = Image.new("RGB", (top.width, top.height + below.height), PAPER)
    whole.paste(top, (0, 0))
    whole.paste(below, (0, top.height))
    return whole


def font_file() -> str:
    """matplotlib's own: it is there on every machine and has most alphabets."""
    return str(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")
