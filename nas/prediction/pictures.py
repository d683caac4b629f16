"""Predicted label maps beside the truth: one picture for each full training.

It is made once, when the training has ended, so that whoever shows a run runs no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo
from rich.console import Console

from nas.prediction.overlay import INK, PAPER, above, font_file, legend, visible
from nas.prediction.predictors import Predictor, open_predictor
from nas.runs import promotion_records
from nas.runs.directory import RunDirectory
from proxy_tasks.datasets.base import IGNORE, Colour, Pixels
from proxy_tasks.datasets.packed import PackedData, open_packed
from proxy_tasks.sight import OWN
from search_space.errors import UserError
from search_space.files import replacing, sha256

IMAGES = 3
WIDTH, TALLEST, GAP, HEADING = 280, 360, 8, 26
"""Pixels: of an image, what its height is kept to, between images, and of the words on top."""
VOID: Colour = (225, 225, 225)
"""Of pixels whose truth nobody knows."""
HEADINGS = ("image", "truth (light grey: not labelled)", "prediction")
TRAINED_ON = "image (trained on)"
"""Where folds left none that the network does not know."""

WEIGHTS = "weights"
"""What their digest is called in a picture's file."""

Row = tuple[Pixels, Pixels, Pixels]


def draw_missing(run: RunDirectory, data: Path, console: Console) -> None:
    """A picture for every promotion with weights that has none, or one of other weights. One that
    cannot be made is told of: the training it belongs to is done all the same."""
    for each in promotion_records.load_all(run):
        picture = run.promotions / each.name / promotion_records.LABELS
        if each.weights is None or not each.weights.is_file():
            continue
        try:
            weights = sha256(each.weights)
            if _weights_of(picture) != weights:
                _save(compared(open_predictor(each.weights), open_packed(data)), picture, weights)
        except (UserError, OSError, RuntimeError) as error:
            console.print(f"{each.name}: label maps not drawn ({error})", markup=False)


def compared(predictor: Predictor, data: PackedData) -> Image.Image:
    """Image, truth and prediction of a few validation images, evenly apart, with a legend.

    Raises:
        UserError: for a network of other classes.
    """
    if predictor.classes != data.classes:
        raise UserError("the network's classes are not those of the data set")
    # A pack is made by the sight of its networks: its images are seen as they are.
    seen = replace(OWN, window=data.sight.window) if predictor.sight == data.sight else None
    labeller = predictor.labeller(sight=seen)
    split = data.val
    chosen = np.unique(np.linspace(0, len(split) - 1, min(IMAGES, len(split))).astype(int))
    rows = []
    for number in chosen:
        image, truth = split.image(number), split.labels(number)
        rows.append((visible(image), truth, labeller.predict(image, truth.shape)))
    return grid(rows, data.classes, data.palette, TRAINED_ON if data.folds else HEADINGS[0])


def grid(
    rows: Sequence[Row],
    classes: Sequence[str],
    palette: Sequence[Colour],
    first: str = HEADINGS[0],
) -> Image.Image:
    """Each row is an image (h, w, 3), its labels (H, W), and those that were predicted; of any
    shape, each row its own. ``first`` stands above the images."""
    colours = np.full((IGNORE + 1, 3), VOID, np.uint8)
    colours[: len(palette)] = palette
    sizes = [_shown(truth.shape) for _, truth, _ in rows]
    across = WIDTH + GAP
    height = HEADING + sum(height + GAP for _, height in sizes)
    whole = Image.new("RGB", (3 * across - GAP, height), PAPER)
    _headings(whole, across, first)
    top = HEADING
    for (image, *labels), size in zip(rows, sizes, strict=True):
        cells = [Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)]
        for each in labels:
            shown = Image.fromarray(each).resize(size, Image.Resampling.NEAREST)
            cells.append(Image.fromarray(colours[np.asarray(shown)]))
        for column, cell in enumerate(cells):
            whole.paste(cell, (column * across + (WIDTH - size[0]) // 2, top))
        top += size[1] + GAP
    seen = np.zeros(IGNORE + 1, bool)
    for _, truth, predicted in rows:
        seen[truth] = seen[predicted] = True
    return above(whole, legend(whole.width, classes, palette, list(seen[: len(classes)])))


def _shown(size: tuple[int, ...]) -> tuple[int, int]:
    """(width, height) of a picture of this (height, width), in its shape."""
    height, width = size
    scale = min(WIDTH / width, TALLEST / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _headings(whole: Image.Image, across: int, first: str) -> None:
    draw, font = ImageDraw.Draw(whole), ImageFont.truetype(font_file(), 14)
    for column, words in enumerate((first, *HEADINGS[1:])):
        draw.text((column * across, HEADING // 2), words, INK, font, anchor="lm")


def _weights_of(picture: Path) -> str | None:
    """The digest of the weights that a picture was made with. A file's time does not tell: clocks
    are set back, and copies are new."""
    try:
        with Image.open(picture) as known:
            return known.info.get(WEIGHTS)
    except (OSError, ValueError, SyntaxError):  # none, or a damaged one
        return None


def _save(picture: Image.Image, path: Path, weights: str) -> None:
    told = PngInfo()
    told.add_text(WEIGHTS, weights)
    with replacing(path) as draft:
        picture.save(draft, "png", optimize=True, pnginfo=told)
