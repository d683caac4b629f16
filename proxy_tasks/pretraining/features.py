"""A teacher's features, learnt without labels.

Feature distillation as in FitNets (Romero et al. 2015, arXiv 1412.6550), at several levels at
once; teacher and student see the same crop under the same augmentation (Beyer et al. 2022, arXiv
2106.05237).
Shapes: B images, C channels, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.feature_moments import moments
from proxy_tasks.feature_teacher import Features
from proxy_tasks.intensities import Intensities
from proxy_tasks.networks import build_backbone
from proxy_tasks.networks.feature_student import FeatureStudent
from proxy_tasks.precision import autocast
from proxy_tasks.pretraining.goal import LOSS, Pretrained, own, seen
from proxy_tasks.processes import Group
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.scales import Scale


def common(own: Mapping[int, int], teachers: Mapping[int, int], asked: Sequence[int]) -> list[int]:
    """The levels to learn: those ``asked`` for, or all that both have.

    Raises:
        UserError: where there is none, or one that is asked for is missing.
    """
    both = sorted(set(own) & set(teachers))
    if lacking := sorted(set(asked) - set(both)):
        raise UserError(
            f"levels: {lacking[0]} is not a level of both the teacher ({_said(teachers)}) and the"
            f" network ({_said(own)})"
        )
    if not both:
        raise UserError(
            f"teacher: has maps of levels {_said(teachers)}, the network of {_said(own)}: no level"
            " in common; give another teacher"
        )
    return sorted(set(asked)) or both


def _said(levels: Mapping[int, int]) -> str:
    return ", ".join(map(str, sorted(levels)))


class FeatureMaps:
    """Mean squared error between 1x1 projections of the backbone's maps and the teacher's, each
    channel of which is standardised; all levels count alike.

    Held out is that error, also level by level (``level3`` ...). ``constant`` is the error of the
    channels' means over the training images: what knows nothing of an image comes to that.
    """

    def __init__(
        self,
        backbone: Backbone,
        scale: Scale,
        intensities: Intensities,
        teacher: Features,
        channels: Mapping[int, int],
    ) -> None:
        """``channels``: level -> those of the teacher's map, for the levels to learn."""
        self.student = FeatureStudent(build_backbone(backbone, scale), channels)
        self.network = cast(Pretrained, self.student)
        self.levels = tuple(channels)
        self.figures = ("constant", *(f"level{level}" for level in self.levels))
        self._teacher, self._intensities = teacher, intensities

    def measure(self, train: DeviceSplit, group: Group) -> None:
        """Take the moments of the teacher's channels. Afterwards they are the network's, and are
        kept with it; in a group, the leading process's are."""
        self.student.set_moments(group.told(moments(self._said, train, self._intensities)))

    def loss(self, x_BCHW: Tensor, index_B: Tensor) -> Tensor:
        """See Goal."""
        with autocast(x_BCHW.device, x_BCHW.shape[3]):
            told, wanted = self.student(x_BCHW), self._said(x_BCHW)
        errors = [
            F.mse_loss(told[level].float(), self.student.standardised(level, wanted[level]))
            for level in self.levels
        ]
        return torch.stack(errors).mean()

    @torch.no_grad()
    def held_out(
        self, network: Pretrained, split: DeviceSplit, batch: int, group: Group
    ) -> Mapping[str, float]:
        """See Goal."""
        student = cast(FeatureStudent, network)
        sums = torch.zeros(2, len(self.levels), dtype=torch.float64, device=split.device)
        for _, x_BCHW in seen(split, own(split, group), batch, self._intensities):
            told, said = student(x_BCHW), self._said(x_BCHW)
            for place, level in enumerate(self.levels):
                wanted = student.standardised(level, said[level])
                sums[0, place] += (told[level] - wanted).square().mean((1, 2, 3)).sum()
                sums[1, place] += wanted.square().mean((1, 2, 3)).sum()
        errors, constant = (group.total(sums) / len(split)).tolist()
        by_level = {f"level{n}": error for n, error in zip(self.levels, errors, strict=True)}
        count = len(self.levels)
        return {LOSS: sum(errors) / count, "constant": sum(constant) / count} | by_level

    def _said(self, x_BCHW: Tensor) -> dict[int, Tensor]:
        maps = self._teacher(x_BCHW, self._intensities)
        return {level: maps[level] for level in self.levels}
