"""A student's loss against a teacher's maps.

Mean squared error of a 1x1 projection of the student's map (FitNets, Romero et al. 2015, arXiv
1412.6550). Each channel of the teacher is standardised, else few channels of large values are most
of the loss (PKD, Cao et al. 2022, arXiv 2207.02039, which standardises both sides). That scores of
few-epoch proxies rank better with features: MF-KD, Trofimov et al. 2020, arXiv 2006.08341. Teacher
and student see the same crop under the same augmentation (Beyer et al. 2022, arXiv 2106.05237).
Shapes: B crops, C channels, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from proxy_tasks.intensities import Intensities
from proxy_tasks.networks.blocks import Encoder
from proxy_tasks.networks.feature_student import FeatureProjections
from proxy_tasks.teacher_maps import TeacherMaps, nearest


class FeatureDistillation:
    """``projections`` learn beside a student whose maps have ``out_channels``, level -> channels.
    Each level of the teacher is compared with the student's of that level, or else the nearest."""

    def __init__(
        self, maps: TeacherMaps, out_channels: Mapping[int, int], given: Intensities
    ) -> None:
        """``given``: how the images are normalised that the student sees."""
        self._teacher, self._given = maps, given
        self.levels = pairs(maps.channels, out_channels)
        channels = {n: (out_channels[own], maps.channels[n]) for n, own in self.levels.items()}
        with torch.random.fork_rng(devices=[]):  # draws of others stay as they are
            self.projections = FeatureProjections(channels)
        self.projections.set_moments(maps.moments)

    def loss(self, maps: Mapping[int, Tensor], x_BCHW: Tensor) -> Tensor:
        """Mean over these crops of the squared error of a channel's pixel, all levels alike.

        Args:
            maps: the student's, level -> map.
            x_BCHW: the images that it saw.
        """
        wanted = self._teacher.features(x_BCHW, self._given)
        sized = {n: _at(maps[own], wanted[n].shape[2:]) for n, own in self.levels.items()}
        told = self.projections.projected(sized)
        errors = [
            (told[n] - self.projections.standardised(n, wanted[n])).square().mean() for n in told
        ]
        return torch.stack(errors).mean()


def pairs(teacher: Mapping[int, int], student: Mapping[int, int]) -> dict[int, int]:
    """Level of the teacher -> that of the student."""
    return {level: nearest(level, student) for level in teacher}


@contextmanager
def tapped(backbone: Encoder) -> Iterator[dict[int, Tensor]]:
    """Holds the maps of the backbone's last forward pass inside: level -> map."""
    maps: dict[int, Tensor] = {}

    def keep(_: nn.Module, __: Any, found: dict[int, Tensor]) -> None:
        maps.update(found)

    handle = backbone.register_forward_hook(keep)
    try:
        yield maps
    finally:
        handle.remove()


def _at(x_BCHW: Tensor, size: torch.Size) -> Tensor:
    """A map at another level's (height, width)."""
    if x_BCHW.shape[2:] == size:
        return x_BCHW
    if x_BCHW.shape[2] >= size[0] and x_BCHW.shape[3] >= size[1]:
        return F.adaptive_avg_pool2d(x_BCHW, (size[0], size[1]))
    return F.interpolate(x_BCHW, size=size, mode="nearest")
