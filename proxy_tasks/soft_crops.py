"""What a teacher says of the very pixels that crops show, whatever was done to them.

Shapes: B crops, H x W pixels of a crop, K classes, h x w places of an image's soft labels; b and r
crops and rows of a band.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from proxy_tasks.soft_labels import SoftLabels
from proxy_tasks.upsampling import Band


@dataclass(frozen=True)
class _Part:
    """The places of an image that a crop shows, and how much each counts in the crop's rows and
    columns; ``turned``: the crop is mirrored by its diagonal."""

    low_hKw: Tensor
    rows_Hh: Tensor
    columns_Ww: Tensor
    turned: bool

    def up(self, rows: slice) -> Tensor:
        """log p of some rows of the crop, (r, K, W), not normalised yet."""
        if self.turned:
            wide_HKr = self._mixed(self.rows_Hh, self.columns_Ww[rows])
            return wide_HKr.transpose(0, 2)
        return self._mixed(self.rows_Hh[rows], self.columns_Ww)

    def _mixed(self, rows_rh: Tensor, columns_Ww: Tensor) -> Tensor:
        wide_hKW = self.low_hKw @ columns_Ww.T
        return (rows_rh @ wide_hKW.flatten(1)).unflatten(1, wide_hKW.shape[1:])


@dataclass(frozen=True)
class SoftCrops:
    """Of a batch. ``shown_BHW`` is False beyond an image's edge, of which nothing is known."""

    parts: Sequence[_Part]
    shown_BHW: Tensor

    @classmethod
    def of(
        cls,
        labels: SoftLabels,
        images: Sequence[int],
        size_B2: NDArray[np.int64],
        lines: tuple[Tensor, Tensor],
        turned_B: Tensor,
    ) -> SoftCrops:
        """From where each row and each column of the crops looks.

        Args:
            images: the number of each crop's image.
            size_B2: its (height, width) at the working resolution.
            lines: rows_BH and columns_BW in pixels of the image, float64, as Crops has them.
        """
        device, parts, shown = labels.values.device, [], []
        for crop, image in enumerate(images):
            low_hKw = labels.image(image)
            windows, inside = [], []
            for axis, line_BL in enumerate(lines):
                small, large = low_hKw.shape[2 * axis], int(size_B2[crop, axis])
                windows.append(_window(line_BL[crop], small, large))
                nearest_L = (line_BL[crop] + 0.5).floor()
                inside.append((nearest_L >= 0) & (nearest_L < large))
            (rows, rows_Hh), (columns, columns_Ww) = windows
            turned = bool(turned_B[crop])
            part_hKw = low_hKw[rows, :, columns].float()
            down_Hh, across_Ww = (each.float().to(device) for each in (rows_Hh, columns_Ww))
            parts.append(_Part(part_hKw, down_Hh, across_Ww, turned))
            shown_HW = inside[0][:, None] & inside[1]
            shown.append(shown_HW.T if turned else shown_HW)
        return cls(parts, torch.stack(shown).to(device))

    def up(self, band: Band) -> Tensor:
        """log p of a band's pixels, (b, r, K, W), not normalised yet."""
        return torch.stack([part.up(band.rows) for part in self.parts[band.images]])


def _window(line_L: Tensor, small: int, large: int) -> tuple[slice, Tensor]:
    """The places along a side that a line of pixels lies between, and the bilinear weights (L,
    places) of each pixel; beyond the edge the last place counts."""
    place_L = ((line_L + 0.5) * small / large - 0.5).clamp(0, small - 1)
    first, last = int(place_L.min().floor()), int(place_L.max().ceil())
    away = (place_L[:, None] - torch.arange(first, last + 1, dtype=torch.float64)).abs()
    return slice(first, last + 1), (1 - away).clamp(min=0)
