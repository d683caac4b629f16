"""Batches of crops out of images of any size, on the device that trains.

B crops, H height and W width of a crop, C channels; h, w pixels of an image. Zoom, crop and mirror
images are separable: one number a row, one a column says where in the image a crop looks.
"""

from __future__ import annotations

import math
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
from search_space.errors import UserError


@dataclass(frozen=True)
class _View:
    """``images`` are the numbers of the images looked at; for every row and column of each crop,
    where it looks (pixels, from the first pixel's middle)."""

    images: list[int]
    rows_BH: Tensor
    columns_BW: Tensor


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
            raise UserError(f"turn: mirrors square crops alone, not {size[0]}x{size[1]}")
        self.augment = augment
        self._split, self._size, self._intensities = split, size, intensities
        self._places = _by_class(split, chosen) if augment.rare else []
        # Of one size whatever is in a batch: that decides how grid_sample rounds, and a crop must
        # not depend on those beside it, which other processes and micro-batches have others of.
        self._seen = [
            min(math.ceil(length / augment.scale[0]) + 2, int(split.index[:, 1 + axis].max()))
            for axis, length in enumerate(size)
        ]
        mean = intensities.top * torch.tensor(intensities.mean, device=split.device)
        self._mean_C11 = mean[:, None, None]

    def __call__(self, index_B: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        """x_BCHW float32, channels_last, and y_BHW int64. ``index_B`` are the images to look at,
        but for the crops that are placed on a class; ``draws`` are `Augment.draw`'s."""
        drawn = Draws.of(draws)
        view = self._look(index_B, drawn)
        x_BCHW, y_BHW = self._sample(view), self._pick(view)
        mixing, shift = tint(drawn.colour_B3, self.augment.colour, self._intensities)
        x_BCHW = _recolour(x_BCHW, mixing, shift)
        if self.augment.turn:
            turned = (drawn.turn_B < self.augment.turn).to(x_BCHW.device)
            x_BCHW[turned] = x_BCHW[turned].transpose(2, 3)
            y_BHW[turned] = y_BHW[turned].transpose(1, 2)
        return x_BCHW, y_BHW

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

    def _sample(self, view: _View) -> Tensor:
        """Bilinear, in values less their mean, so that what lies outside is 0: the mean colour."""
        split, size = self._split, self._split.index[view.images, 1:3]
        lines = view.rows_BH, view.columns_BW
        spans = [_spans(line, size[:, axis]) for axis, line in enumerate(lines)]
        height, width = self._seen
        seen = torch.zeros(len(view.images), split.channels, height, width, device=split.device)
        grid = torch.empty(len(view.images), *self._size, 2, device=split.device)
        (top, bottom), (left, right) = spans
        for crop, image in enumerate(view.images):
            part = split.image(image)[top[crop] : bottom[crop], left[crop] : right[crop]]
            window = seen[crop, :, : part.shape[0], : part.shape[1]]
            torch.sub(_signed(part).permute(2, 0, 1), self._mean_C11, out=window)
        grid[..., 0] = _share(view.columns_BW, left, width).to(grid)[:, None, :]
        grid[..., 1] = _share(view.rows_BH, top, height).to(grid)[:, :, None]
        return functional.grid_sample(seen, grid, "bilinear", "zeros", align_corners=False)

    def _pick(self, view: _View) -> Tensor:
        """The nearest label of each pixel; void outside."""
        device = self._split.device
        y_BHW = torch.empty(len(view.images), *self._size, dtype=torch.int64, device=device)
        rows_BH, columns_BW = (
            line.add(0.5).floor().long() for line in (view.rows_BH, view.columns_BW)
        )
        for crop, image in enumerate(view.images):
            labels = self._split.labels(image)
            rows, columns = rows_BH[crop].to(device), columns_BW[crop].to(device)
            height, width = labels.shape
            inside = _within(rows, height)[:, None] & _within(columns, width)
            picked = labels.index_select(0, rows.clamp(0, height - 1))
            picked = picked.index_select(1, columns.clamp(0, width - 1))
            y_BHW[crop] = picked.masked_fill_(~inside, IGNORE)
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


def _spans(line_BL: Tensor, length_B: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """First pixel and the one behind the last that bilinear sampling along a line reads."""
    low, high = line_BL.amin(1).floor().numpy(), line_BL.amax(1).floor().numpy() + 2
    return (
        np.clip(low, 0, length_B - 1).astype(np.int64),
        np.clip(high, 1, length_B).astype(np.int64),
    )


def _share(line_BL: Tensor, first_B: NDArray[np.int64], length: int) -> Tensor:
    """As grid_sample has it: -1 and 1 are the outer edges of the first and last pixel."""
    return ((2 * (line_BL - torch.from_numpy(first_B)[:, None]) + 1) / length - 1).float()


def _signed(part: Tensor) -> Tensor:
    """torch does no arithmetic on uint16."""
    return part if part.dtype == torch.uint8 else part.float()


def _within(places: Tensor, length: int) -> Tensor:
    return (places >= 0) & (places < length)


def _recolour(x_BCHW: Tensor, mixing: Tensor, shift: Tensor) -> Tensor:
    device = x_BCHW.device
    mixing, shift = mixing.float().to(device), shift.float().to(device)
    # The product in planes, then one copy to channels_last: three times faster than the reverse.
    mixed = torch.baddbmm(shift[:, :, None], mixing, x_BCHW.flatten(2)).view(x_BCHW.shape)
    return mixed.contiguous(memory_format=torch.channels_last)
