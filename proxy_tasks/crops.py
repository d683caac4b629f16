"""Batches of crops out of images of any size, on the device that trains.

B crops, H height and W width of a crop, C channels; h, w pixels of an image. Zoom, crop and mirror
images are separable: one number a row, one a column says where in the image a crop looks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from proxy_tasks.augment import Augment, Draws, tint
from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.intensities import NATURAL, Intensities
from proxy_tasks.soft_crops import SoftCrops
from proxy_tasks.soft_labels import SoftLabels
from search_space.errors import UserError


@dataclass(frozen=True)
class _View:
    """``images`` are the numbers of the images looked at; for every row and column of each crop,
    where it looks (pixels, from the first pixel's middle)."""

    images: list[int]
    rows_BH: Tensor
    columns_BW: Tensor


@dataclass(frozen=True)
class _Window:
    """The part of an image that a crop is made of, and where in it each of the crop's rows and
    columns looks, in grid_sample's terms."""

    rows: slice
    columns: slice
    down_H: Tensor
    across_W: Tensor


class Crops:
    """Crops of ``size`` (H, W) out of ``split``, augmented and normalised.

    ``chosen`` are the numbers of the images that may be looked at, None: all. A crop lies anywhere
    inside its image; where the image is smaller, the image lies anywhere inside the crop, and what
    is beyond it has the mean colour and is void.

    Raises:
        UserError: where crops that are not square are to be mirrored by their diagonal.
    """

    def __init__(
        self,
        split: DeviceSplit,
        size: tuple[int, int],
        augment: Augment,
        intensities: Intensities = NATURAL,
        chosen: NDArray[np.int64] | None = None,
    ) -> None:
        if augment.turn and size[0] != size[1]:
            raise UserError(f"turn: only square crops can be turned, not {size[0]}x{size[1]}")
        self.augment = augment
        self._split, self._size, self._intensities = split, size, intensities
        self._places = _by_class(split, chosen) if augment.rare else []
        # Of a whole row of pixels: broadcasting over few channels alone is slow.
        mean_C = intensities.top * torch.tensor(intensities.mean, device=split.device)
        self._mean = mean_C.repeat(int(split.index[:, 2].max()))

    def __call__(self, index_B: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        """x_BCHW float32, channels_last, and y_BHW int64. ``index_B`` are the images to look at,
        but for the crops that are placed on a class; ``draws`` are `Augment.draw`'s."""
        drawn = Draws.of(draws)
        view = self._look(index_B, drawn)
        x_BCHW, y_BHW = self._paint(view, drawn), self._pick(view)
        if self.augment.turn:
            turned = (drawn.turn_B < self.augment.turn).to(x_BCHW.device)
            x_BCHW[turned] = x_BCHW[turned].transpose(2, 3)
            y_BHW[turned] = y_BHW[turned].transpose(1, 2)
        return x_BCHW, y_BHW

    def taught(self, labels: SoftLabels, index_B: Tensor, draws: Tensor) -> SoftCrops:
        """What a teacher says of the pixels that the same call without ``labels`` gives."""
        drawn = Draws.of(draws)
        view = self._look(index_B, drawn)
        size_B2 = self._split.index[view.images, 1:3]
        turned_B = drawn.turn_B < self.augment.turn
        lines = view.rows_BH, view.columns_BW
        return SoftCrops.of(labels, view.images, size_B2, lines, turned_B)

    def _look(self, index_B: Tensor, drawn: Draws) -> _View:
        low, high = (math.log(bound) for bound in self.augment.scale)
        zoom_B = torch.exp(low + (high - low) * drawn.zoom_B)
        images, spots = self._placed(index_B, drawn)
        lines = []
        for axis, place_B in enumerate((drawn.top_B, drawn.left_B)):
            length_B = torch.from_numpy(self._split.index[images, 1 + axis]).double()
            room_B = length_B - self._size[axis] / zoom_B
            start_B = place_B * room_B
            for crop, spot in spots.items():
                start_B[crop] = _around(
                    spot[axis] + 0.5,
                    self._size[axis],
                    float(zoom_B[crop]),
                    float(place_B[crop]),
                    float(length_B[crop]),
                )
            lines.append(_line(self._size[axis], start_B, zoom_B))
        rows_BH, columns_BW = lines
        mirrored = drawn.mirror_B < self.augment.flip
        upside_down = drawn.upside_down_B < self.augment.upside_down
        columns_BW = torch.where(mirrored[:, None], columns_BW.flip(1), columns_BW)
        rows_BH = torch.where(upside_down[:, None], rows_BH.flip(1), rows_BH)
        return _View(images, rows_BH, columns_BW)

    def _placed(
        self, index_B: Tensor, drawn: Draws
    ) -> tuple[list[int], dict[int, tuple[int, int]]]:
        """The image of each crop; and crop -> (row, column) of the pixel that it has to show."""
        images: list[int] = index_B.tolist()
        if not self._places:
            return images, {}
        spots = {}
        for crop in torch.nonzero(drawn.rare_B < self.augment.rare)[:, 0].tolist():
            rows = self._places[int(drawn.label_B[crop] * len(self._places))]
            _, image, row, column = rows[int(drawn.spot_B[crop] * len(rows))].tolist()
            images[crop], spots[crop] = image, (row, column)
        return images, spots

    def _paint(self, view: _View, drawn: Draws) -> Tensor:
        """One crop after the other: its numbers stay near the processor, which makes it three times
        faster than a batch at once, and none depends on those beside it."""
        device, channels = self._split.device, self._split.channels
        mixing, shift = tint(drawn.colour_B3, self.augment.colour, self._intensities)
        mixing_BCC, shift_BC1 = mixing.float().to(device), shift.float().to(device)[:, :, None]
        windows = _windows(view, self._split.index[view.images, 1:3], device)
        shape, layout = (len(view.images), channels, *self._size), torch.channels_last
        x_BCHW = torch.empty(shape, device=device, memory_format=layout)
        for crop, (image, window) in enumerate(zip(view.images, windows, strict=True)):
            seen = self._sample(self._split.image(image)[window.rows, window.columns], window)
            mixed = torch.addmm(shift_BC1[crop], mixing_BCC[crop], seen.flatten(1))
            x_BCHW[crop] = mixed.view(seen.shape)
        return x_BCHW

    def _sample(self, part_hwC: Tensor, window: _Window) -> Tensor:
        """(C, H, W), bilinear, of values less their mean, so that what lies outside is 0: the mean
        colour."""
        height, width, channels = part_hwC.shape
        values = _signed(part_hwC).flatten(1) - self._mean[: width * channels]
        values_1Chw = values.view(1, height, width, channels).permute(0, 3, 1, 2)
        # Two planes, which are filled and read faster than pairs.
        grid_2HW = torch.empty(2, *self._size, device=values.device)
        grid_2HW[0] = window.across_W
        grid_2HW[1] = window.down_H[:, None]
        grid_1HW2 = grid_2HW.permute(1, 2, 0)[None]
        sampled: Tensor = functional.grid_sample(
            values_1Chw, grid_1HW2, "bilinear", "zeros", align_corners=False
        )
        return sampled[0]

    def _pick(self, view: _View) -> Tensor:
        """The nearest label of each pixel; void outside."""
        device, size = self._split.device, self._split.index[view.images, 1:3]
        y_BHW = torch.empty(len(view.images), *self._size, dtype=torch.int64, device=device)
        lines = [line.add(0.5).floor().long() for line in (view.rows_BH, view.columns_BW)]
        inside = [_inside(line, size[:, axis]) for axis, line in enumerate(lines)]
        rows_BH, columns_BW = (line.to(device) for line in lines)
        for crop, (image, down, across) in enumerate(zip(view.images, *inside, strict=True)):
            labels = self._split.labels(image).index_select(0, rows_BH[crop, down])
            labels = labels.index_select(1, columns_BW[crop, across])
            if labels.shape != self._size:
                y_BHW[crop] = IGNORE
            y_BHW[crop, down, across] = labels
        return y_BHW


def _by_class(split: DeviceSplit, chosen: NDArray[np.int64] | None) -> list[NDArray[np.int32]]:
    """Places of each class that has any in the images that may be looked at."""
    assert split.places is not None  # the part that is trained on has them
    places = split.places
    if chosen is not None:
        places = places[np.isin(places[:, 1], chosen)]
    cuts = np.flatnonzero(np.diff(places[:, 0])) + 1
    return [rows for rows in np.split(places, cuts) if len(rows)]


def _around(middle: float, size: int, zoom: float, place: float, length: float) -> float:
    """Where a window of ``size`` pixels begins that shows the pixel with this ``middle``: one of
    its own falls on it, as pixels between those of a crop are not seen. But for half a pixel it
    stays inside the image, or the image inside it."""
    room = length - size / zoom
    start = place * room if room <= 0 else min(max(0.0, middle - place * size / zoom), room)
    shown = min(max(0, round((middle - start) * zoom - 0.5)), size - 1)
    return middle - (shown + 0.5) / zoom


def _line(length: int, start_B: Tensor, zoom_B: Tensor) -> Tensor:
    """Image coordinates (B, length) of a window that begins at ``start_B``."""
    middle = torch.arange(length, dtype=torch.float64) + 0.5
    return start_B[:, None] + middle / zoom_B[:, None] - 0.5


def _windows(view: _View, size_B2: NDArray[np.int64], device: torch.device) -> Iterator[_Window]:
    spans, shares = [], []
    for axis, line_BL in enumerate((view.rows_BH, view.columns_BW)):
        length_B = size_B2[:, axis]
        # The first pixel and the one behind the last that bilinear sampling along the line reads.
        low_B = np.clip(line_BL.amin(1).floor().numpy(), 0, length_B - 1).astype(np.int64)
        high_B = np.clip(line_BL.amax(1).floor().numpy() + 2, 1, length_B).astype(np.int64)
        spans.append(list(map(slice, low_B.tolist(), high_B.tolist())))
        # As grid_sample has it: -1 and 1 are the outer edges of the first and last pixel.
        first_B1, count_B1 = (torch.from_numpy(n)[:, None] for n in (low_B, high_B - low_B))
        shares.append(((2 * (line_BL - first_B1) + 1) / count_B1 - 1).float().to(device))
    return map(_Window, *spans, *shares)


def _inside(line_BL: Tensor, length_B: NDArray[np.int64]) -> list[slice]:
    """Which of a line's places lie in the image: always some in a row, or none."""
    inside = (line_BL >= 0) & (line_BL < torch.from_numpy(length_B)[:, None])
    first_B, count_B = inside.int().argmax(1), inside.sum(1)
    return list(map(slice, first_B.tolist(), (first_B + count_B).tolist()))


def _signed(part: Tensor) -> Tensor:
    """torch does no arithmetic on uint16."""
    return part if part.dtype == torch.uint8 else part.float()
