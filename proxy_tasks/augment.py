"""Random changes to a whole batch, on the device that trains.

B batch, H height, W width, 3 colours. Every random number comes from a generator on the CPU, so
that all candidates of a search see the same draws whatever they train on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from proxy_tasks.datasets.base import IGNORE

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Of the colours of natural images, on a scale of 0 to 1: the usual figures, from ImageNet."""

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def normalise(images_BHW3: Tensor) -> Tensor:
    """uint8 images to x_B3HW, float32, channels_last, about zero mean and unit spread."""
    width = images_BHW3.shape[2]
    scale, shift = (row.repeat(width) for row in _linear(images_BHW3.device))
    # Whole rows at a time: broadcasting over three colours alone runs ten times slower.
    rows = images_BHW3.flatten(2).float().mul_(scale).add_(shift)
    return rows.unflatten(2, (width, 3)).permute(0, 3, 1, 2)


def _linear(device: torch.device) -> tuple[Tensor, Tensor]:
    std = torch.tensor(STD, device=device)
    return 1 / (255 * std), -torch.tensor(MEAN, device=device) / std


class _View(NamedTuple):
    """For every row and column of the output, where in the input it looks (pixels, from the first
    pixel's middle). Zoom, crop and flip are separable: one number a row, one a column."""

    rows_BH: Tensor
    columns_BW: Tensor


@dataclass(frozen=True)
class Augment:
    """Zoom by a factor in ``scale``, crop or pad back to size, flip left to right with
    probability ``flip``, and change brightness, contrast and saturation by up to ``colour``."""

    scale: tuple[float, float] = (0.75, 1.5)
    flip: float = 0.5
    colour: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"scale must be 0 < low <= high but is {self.scale}")
        if not (0 <= self.flip <= 1 and 0 <= self.colour < 1):
            raise ValueError(f"flip {self.flip} and colour {self.colour} must lie in [0, 1]")

    def __call__(
        self, images_BHW3: Tensor, labels_BHW: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """As ``changed`` by what is drawn from the CPU ``generator``."""
        return self.changed(images_BHW3, labels_BHW, self.draw(len(labels_BHW), generator))

    def draw(self, images: int, generator: torch.Generator) -> Tensor:
        """draws_B7: what becomes of each image."""
        return torch.rand(images, 7, generator=generator, dtype=torch.float64)

    def changed(
        self, images_BHW3: Tensor, labels_BHW: Tensor, draws: Tensor
    ) -> tuple[Tensor, Tensor]:
        """x_B3HW float32, normalised, channels_last, and y_BHW int64, void where the view leaves
        the image."""
        height, width = labels_BHW.shape[1:]
        view = self._look(draws, height, width)
        mixing, shift = self._tint(draws[:, 4:])
        x_B3HW = _sample(images_BHW3, view)
        return _recolour(x_B3HW, mixing, shift), _pick(labels_BHW, view)

    def _look(self, draws: Tensor, height: int, width: int) -> _View:
        low, high = (math.log(bound) for bound in self.scale)
        zoom = torch.exp(low + (high - low) * draws[:, 0])[:, None]
        flipped = draws[:, 3, None] < self.flip
        rows = _line(height, zoom, draws[:, 1, None])
        columns = _line(width, zoom, draws[:, 2, None])
        return _View(rows, torch.where(flipped, columns.flip(1), columns))

    def _tint(self, draws: Tensor) -> tuple[Tensor, Tensor]:
        """Colour change and normalisation in one: (B, 3, 3) to multiply colours less their mean
        (0 to 255) with from the left, and (B, 3) to add."""
        brightness, contrast, saturation = (self.colour * (2 * draws - 1)).unbind(1)
        std = torch.tensor(STD, dtype=torch.float64)
        grey = torch.tensor(_LUMA, dtype=torch.float64).expand(3, 3)
        keep = (1 + saturation)[:, None, None]
        mixing = keep * torch.eye(3, dtype=torch.float64) + (1 - keep) * grey
        mixing = (1 + contrast)[:, None, None] * mixing / (255 * std[:, None])
        return mixing, brightness[:, None] * sum(MEAN) / 3 / std


def _line(length: int, zoom: Tensor, place: Tensor) -> Tensor:
    """Input coordinates (B, length) of a window of length / zoom pixels; ``place`` in [0, 1] puts
    it anywhere inside the image, or the image anywhere inside it."""
    middle = torch.arange(length, dtype=torch.float64) + 0.5
    return place * (length - length / zoom) + middle / zoom - 0.5


def _sample(images_BHW3: Tensor, view: _View) -> Tensor:
    """Bilinear, in colours less their mean, so that what lies outside is 0: the mean colour."""
    device, (height, width) = images_BHW3.device, images_BHW3.shape[1:3]
    grid = torch.empty(len(images_BHW3), height, width, 2, device=device)
    grid[..., 0] = ((2 * view.columns_BW + 1) / width - 1).float().to(device)[:, None, :]
    grid[..., 1] = ((2 * view.rows_BH + 1) / height - 1).float().to(device)[:, :, None]
    mean = 255 * torch.tensor(MEAN, device=device)
    centred = images_BHW3.permute(0, 3, 1, 2).contiguous() - mean[:, None, None]
    return functional.grid_sample(centred, grid, "bilinear", "zeros", align_corners=False)


def _recolour(x_B3HW: Tensor, mixing: Tensor, shift: Tensor) -> Tensor:
    device = x_B3HW.device
    mixing, shift = mixing.float().to(device), shift.float().to(device)
    # The product in planes, then one copy to channels_last: three times faster than the reverse.
    mixed = torch.baddbmm(shift[:, :, None], mixing, x_B3HW.flatten(2)).view(x_B3HW.shape)
    return mixed.contiguous(memory_format=torch.channels_last)


def _pick(labels_BHW: Tensor, view: _View) -> Tensor:
    """The nearest label of each pixel; void outside."""
    device, (height, width) = labels_BHW.device, labels_BHW.shape[1:]
    rows, columns = (line.add(0.5).floor().long() for line in view)
    inside = ((rows >= 0) & (rows < height))[:, :, None]
    inside = inside & ((columns >= 0) & (columns < width))[:, None, :]
    index = rows.clamp(0, height - 1)[:, :, None] * width + columns.clamp(0, width - 1)[:, None, :]
    picked = labels_BHW.flatten(1).gather(1, index.to(device).flatten(1)).view_as(labels_BHW)
    return picked.long().masked_fill_(~inside.to(device), IGNORE)
