"""What may become of an image on its way into a batch, and the random numbers that decide it.

Every random number comes from a generator on the CPU, so that all candidates of a search see the
same draws whatever they train on. Shapes: B crops, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from proxy_tasks.intensities import MEAN, NATURAL, STD, Intensities

__all__ = ["MEAN", "STD", "Augment", "Draws", "normalise", "tint"]

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def normalise(images_BHWC: Tensor, intensities: Intensities = NATURAL) -> Tensor:
    """Images to x_BCHW, float32, channels_last, about zero mean and unit spread."""
    width, channels = images_BHWC.shape[2:]
    scale, shift = (row.repeat(width) for row in _linear(intensities, images_BHWC.device))
    # Whole rows at a time: broadcasting over few channels alone runs ten times slower.
    rows = images_BHWC.flatten(2).float().mul_(scale).add_(shift)
    return rows.unflatten(2, (width, channels)).permute(0, 3, 1, 2)


def _linear(intensities: Intensities, device: torch.device) -> tuple[Tensor, Tensor]:
    std = torch.tensor(intensities.std, device=device)
    return 1 / (intensities.top * std), -torch.tensor(intensities.mean, device=device) / std


@dataclass(frozen=True)
class Draws:
    """Uniform numbers in [0, 1), float64, B of each. ``colour_B3`` are of brightness, contrast and
    saturation; ``rare_B`` says whether a crop is placed on a class, ``label_B`` and ``spot_B`` on
    which, and on which of its pixels."""

    zoom_B: Tensor
    top_B: Tensor
    left_B: Tensor
    mirror_B: Tensor
    colour_B3: Tensor
    rare_B: Tensor
    label_B: Tensor
    spot_B: Tensor
    upside_down_B: Tensor
    turn_B: Tensor

    @classmethod
    def of(cls, table: Tensor) -> Draws:
        """From a table with a row a crop, as `Augment.draw` makes it."""
        columns = table.unbind(1)
        if len(columns) == _FEW:  # nothing else is wanted: 1 is below no chance
            columns = (*columns, *[torch.ones_like(columns[0])] * (_ALL - _FEW))
        zoom, top, left, mirror, _, _, _, *more = columns
        return cls(zoom, top, left, mirror, table[:, 4:7], *more)


_FEW, _ALL = 7, 12


@dataclass(frozen=True)
class Augment:
    """Chances and ranges of what is done to a crop.

    It shows the image enlarged by a factor in ``scale``; with chance ``flip`` mirrored left to
    right, with ``upside_down`` top to bottom, with ``turn`` by its diagonal (square crops alone);
    brightness, contrast and saturation change by up to ``colour``. A share ``rare`` of the crops is
    placed on a pixel of a class that is drawn first, each class alike, so that rare classes are
    seen (Isensee et al. 2021, nnU-Net, places a third of its patches on foreground).

    Raises:
        ValueError: for a range or a chance that is none.
    """

    scale: tuple[float, float] = (0.75, 1.5)
    flip: float = 0.5
    colour: float = 0.2
    upside_down: float = 0.0
    turn: float = 0.0
    rare: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"scale must be 0 < low <= high but is {self.scale}")
        if not 0 <= self.colour < 1:
            raise ValueError(f"colour must lie in [0, 1) but is {self.colour}")
        for name in ("flip", "upside_down", "turn", "rare"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in [0, 1] but is {getattr(self, name)}")

    def draw(self, crops: int, generator: torch.Generator) -> Tensor:
        """A row of uniform numbers for each crop. What is switched off draws none, so that
        recipes without it keep their random numbers."""
        more = self.upside_down or self.turn or self.rare
        table = torch.rand(crops, _FEW, generator=generator, dtype=torch.float64)
        if not more:
            return table
        rest = torch.rand(crops, _ALL - _FEW, generator=generator, dtype=torch.float64)
        return torch.cat([table, rest], 1)


def tint(draws_B3: Tensor, strength: float, intensities: Intensities) -> tuple[Tensor, Tensor]:
    """Colour change and normalisation in one: (B, C, C) to multiply values less their mean with
    from the left, and (B, C) to add. Saturation is of three channels alone."""
    channels = intensities.channels
    brightness, contrast, saturation = (strength * (2 * draws_B3 - 1)).unbind(1)
    std = torch.tensor(intensities.std, dtype=torch.float64)
    mixing = torch.eye(channels, dtype=torch.float64).expand(len(draws_B3), -1, -1)
    if channels == len(_LUMA):
        grey = torch.tensor(_LUMA, dtype=torch.float64).expand(3, 3)
        keep = (1 + saturation)[:, None, None]
        mixing = keep * mixing + (1 - keep) * grey
    mixing = (1 + contrast)[:, None, None] * mixing / (intensities.top * std[:, None])
    return mixing, brightness[:, None] * sum(intensities.mean) / channels / std
