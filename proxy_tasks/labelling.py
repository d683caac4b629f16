"""From an image to its label map: the one way there, in this project and in all that it exports.

An image is brought to the size at which the network sees it and is normalised; what the network
puts out is up-sampled to the image's own size, a band of rows at a time, so that neither a large
image nor many classes fill the memory; where several windows or views show a pixel, their mean
probability counts. Bundled into exports, so it imports nothing but numpy. Every step but the
network's is exact or rounded the same way on every machine, softmax aside.

Shapes: H, W pixels of the label map, h, w of what the network puts out, K classes, C bands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxy_tasks.intensities import Intensities
from proxy_tasks.resizing import resized
from proxy_tasks.sight import Extent, Sight
from proxy_tasks.views import Views
from search_space.errors import UserError

Array = NDArray[Any]
Run = Callable[[Array], Array]
"""Normalised images x_BCHW, float32 -> logits_BKhw, float32, of fewer pixels as a rule."""

BAND_ROWS, BAND_PIXELS = 16, 2**15
"""Of the label map at once: some rows, and so many that the numbers of a class fit a cache."""


@dataclass(frozen=True)
class Labeller:
    """Labels images of any size."""

    run: Run
    sight: Sight
    intensities: Intensities
    views: Views = field(default_factory=Views)

    def predict(self, image: Any, size: Extent | None = None) -> NDArray[np.uint8]:
        """The class of each pixel, (H, W) uint8.

        Args:
            image: (H, W, C), uint8 or uint16 as in training, or what numpy makes such an array of.
                Grey and palette images may stand for colours.
            size: (H, W) of the label map; None: the image's own.

        Raises:
            UserError: for other channels or another type than the network was trained on.
        """
        image_HWC = pixels_of(image, self.intensities)
        labels = np.empty(size or image_HWC.shape[:2], np.uint8)
        for rows, scores_KrW in self.bands(image_HWC, size):
            labels[rows] = _best(scores_KrW)
        return labels

    def bands(self, image_HWC: Array, size: Extent | None = None) -> Iterator[tuple[slice, Array]]:
        """Rows of the label map, and (K, rows, W) float32 to choose from: mean probabilities, or
        logits where there is a single view of the whole image."""
        height, width = size = size or image_HWC.shape[:2]
        looks = list(self._looks(image_HWC, size))
        step = max(BAND_ROWS, BAND_PIXELS // width)
        for top in range(0, height, step):
            rows = slice(top, min(top + step, height))
            if len(looks) == 1 and looks[0].whole:
                yield rows, looks[0].logits(rows)
            else:
                total_KrW = looks[0].probabilities(rows)
                for look in looks[1:]:
                    total_KrW += look.probabilities(rows)
                total_KrW /= len(looks)
                yield rows, total_KrW

    def _looks(self, image_HWC: Array, size: Extent) -> Iterator[_Look]:
        height, width = self.sight.seen(image_HWC.shape[:2])
        for scale in self.views.scales:
            wanted = max(1, round(height * scale)), max(1, round(width * scale))
            seen_HWC = resized(image_HWC, wanted)
            rows, columns = self.views.grid(wanted, self.sight.window)
            for mirrored in (False, True) if self.views.flip else (False,):
                yield _Look(self._logits, seen_HWC, mirrored, rows, columns, size)

    def _logits(self, seen_HWC: Array) -> Array:
        logits_Khw: Array = self.run(normalised(seen_HWC, self.intensities))[0]
        return logits_Khw


def pixels_of(image: Any, intensities: Intensities) -> Array:
    """(H, W, C) of the channels and the type that the intensities are of.

    Raises:
        UserError: for an image of others.
    """
    if hasattr(image, "convert") and image.mode not in ("RGB", "L", "I;16"):  # one of Pillow's
        image = image.convert("RGB")
    pixels = np.asarray(image)
    channels, dtype = intensities.channels, np.uint8 if intensities.top < 256 else np.uint16
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels.repeat(channels if channels == 3 else 1, 2)
    if pixels.ndim != 3 or pixels.shape[2] != channels or pixels.dtype != dtype or not pixels.size:
        raise UserError(
            f"the network takes images (height, width, {channels}) of {dtype.__name__},"
            f" but this is {pixels.shape} of {pixels.dtype}"
        )
    return pixels


def normalised(image_HWC: Array, intensities: Intensities) -> Array:
    """x_1CHW, float32, in memory as the image is: channel after channel of each pixel."""
    height, width, channels = image_HWC.shape
    mean, std = (np.array(each, np.float32) for each in (intensities.mean, intensities.std))
    rows = image_HWC.reshape(height, width * channels).astype(np.float32)
    rows *= np.tile(1 / (np.float32(intensities.top) * std), width)
    rows += np.tile(-mean / std, width)
    return rows.reshape(1, height, width, channels).transpose(0, 3, 1, 2)


def shown(image: Any, sight: Sight, intensities: Intensities) -> Array:
    """What the network is shown of an image: x_1CHW, float32. UserError as ``pixels_of``."""
    image_HWC = pixels_of(image, intensities)
    return normalised(resized(image_HWC, sight.seen(image_HWC.shape[:2])), intensities)


def label_map(logits_Khw: Array, size: Extent) -> NDArray[np.uint8]:
    """The class of each pixel, (H, W) uint8, of what a network puts out for a whole image."""
    labels = np.empty(size, np.uint8)
    lines = (
        _Line.of(slice(0, n), n, n, small)
        for n, small in zip(size, logits_Khw.shape[1:], strict=True)
    )
    tile = _Tile(logits_Khw, *lines)
    for top in range(0, size[0], BAND_ROWS):
        rows = slice(top, min(top + BAND_ROWS, size[0]))
        labels[rows] = _best(tile.up(rows))
    return labels


@dataclass(frozen=True)
class _Line:
    """Pixels ``place`` of a side of the label map: each lies between the pixels ``below`` and
    ``above`` of what the network puts out, by ``share`` nearer to the latter."""

    place: slice
    below: Array
    above: Array
    share: Array

    @classmethod
    def of(cls, part: slice, seen: int, own: int, small: int) -> _Line:
        """Of the ``own`` pixels along a side, those whose middle lies in ``part`` of the ``seen``
        ones. Half-pixel centres, held at the border. In whole numbers up to one division."""
        place = _place(part, seen, own)
        twice = (2 * np.arange(place.start, place.stop) + 1) * seen - 2 * own * part.start
        exact = twice * small / (2 * own * (part.stop - part.start)) - 0.5
        exact = exact.clip(0, small - 1)
        below = exact.astype(np.int64)
        share = (exact - below).astype(np.float32)
        return cls(place, below, np.minimum(below + 1, small - 1), share)


def _place(part: slice, seen: int, own: int) -> slice:
    """The first pixel of the own ones whose middle is not before the part, and not behind it."""
    first, last = (-((seen - 2 * edge * own) // (2 * seen)) for edge in (part.start, part.stop))
    return slice(first, last)


@dataclass(frozen=True)
class _Tile:
    """What the network puts out for one window, and where it lies on the label map."""

    logits_Khw: Array
    rows: _Line
    columns: _Line

    def up(self, rows: slice) -> Array:
        """Up-sampled (K, rows, W), for rows of the label map that the window shows."""
        first = self.rows.place.start
        inner = slice(rows.start - first, rows.stop - first)
        below, above = self.rows.below[inner], self.rows.above[inner]
        low_KhW = _mixed(
            self.logits_Khw[:, below[0] : above[-1] + 1],
            self.columns.below,
            self.columns.above,
            self.columns.share,
            axis=2,
        )
        share = self.rows.share[inner, None]
        return _mixed(low_KhW, below - below[0], above - below[0], share, axis=1)


def _mixed(maps: Array, below: Array, above: Array, share: Array, axis: int) -> Array:
    found = maps.take(below, axis)
    found *= 1 - share
    other = maps.take(above, axis)
    other *= share
    found += other
    return found


@dataclass(frozen=True)
class _Look:
    """An image at one scale, or its mirror image, through one window or many. A row of windows is
    run when the label map comes to it, and forgotten when it is passed."""

    run: Callable[[Array], Array]
    image_HWC: Array
    mirrored: bool
    rows: list[slice]
    columns: list[slice]
    size: Extent
    tiles: dict[int, list[_Tile]] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        return len(self.rows) == len(self.columns) == 1

    def logits(self, band: slice) -> Array:
        """(K, rows, W), of a look at the whole image."""
        (tile,) = self._near(band)
        return tile.up(band)

    def probabilities(self, band: slice) -> Array:
        """(K, rows, W): the mean over the windows that show a pixel."""
        near = list(self._near(band))
        count_rW = np.zeros((band.stop - band.start, self.size[1]), np.float32)
        total_KrW = np.zeros((len(near[0].logits_Khw), *count_rW.shape), np.float32)
        for tile in near:
            shown = tile.rows.place
            rows = slice(max(band.start, shown.start), min(band.stop, shown.stop))
            inner, columns = (
                slice(rows.start - band.start, rows.stop - band.start),
                tile.columns.place,
            )
            total_KrW[:, inner, columns] += _softmax(tile.up(rows))
            count_rW[inner, columns] += 1
        total_KrW /= count_rW
        return total_KrW

    def _near(self, band: slice) -> Iterator[_Tile]:
        """The windows that show some of these rows."""
        for index, part in enumerate(self.rows):
            place = _place(part, self.image_HWC.shape[0], self.size[0])
            if place.stop <= band.start:
                self.tiles.pop(index, None)
            elif place.start < band.stop:
                if index not in self.tiles:
                    self.tiles[index] = list(self._row(part))
                yield from self.tiles[index]

    def _row(self, rows: slice) -> Iterator[_Tile]:
        height, width = self.image_HWC.shape[:2]
        for columns in self.columns:
            part_HWC = self.image_HWC[rows, columns]
            logits_Khw = self.run(part_HWC[:, ::-1] if self.mirrored else part_HWC)
            _, small_height, small_width = logits_Khw.shape
            yield _Tile(
                logits_Khw[:, :, ::-1] if self.mirrored else logits_Khw,
                _Line.of(rows, height, self.size[0], small_height),
                _Line.of(columns, width, self.size[1], small_width),
            )


def _softmax(scores_KrW: Array) -> Array:
    """In place."""
    scores_KrW -= scores_KrW.max(0)
    np.exp(scores_KrW, out=scores_KrW)
    scores_KrW /= scores_KrW.sum(0)
    return scores_KrW


def _best(scores_KrW: Array) -> NDArray[np.uint8]:
    """The first class of the highest score. numpy's argmax takes ten times as long along an axis
    that is not the last."""
    highest = scores_KrW[0].copy()
    found = np.zeros(highest.shape, np.uint8)
    for index, scores_rW in enumerate(scores_KrW[1:], 1):
        found[scores_rW > highest] = index
        np.maximum(highest, scores_rW, out=highest)
    return found
