"""A student's loss against a teacher: the Kullback-Leibler divergence at a temperature.

Hinton, Vinyals and Dean 2015, arXiv 1503.02531. Shapes: b images, r rows of a band, K classes, W
columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from proxy_tasks.datasets.packed import is_whole
from proxy_tasks.processes import Group
from proxy_tasks.soft_crops import SoftCrops
from proxy_tasks.upsampling import Band


@dataclass(frozen=True)
class Lessons:
    """What a training learns from a teacher. ``labels`` is a folder of soft labels, see
    proxy_tasks.soft_labels, None where it has no classes; ``weight`` is that of the divergence
    beside the loss on labels, ``temperature`` divides the logits of both networks in it.
    ``maps`` is a folder with a network whose maps are learnt too, see proxy_tasks.teacher_maps;
    None: none are; ``features`` is the weight of their error. A folder that is gone is made by
    ``again``."""

    labels: Path | None
    weight: float = 1.0
    temperature: float = 1.0
    again: Callable[[Path], None] | None = None
    maps: Path | None = None
    features: float = 1.0

    @property
    def folders(self) -> tuple[Path, ...]:
        """All that trainings read of it."""
        return tuple(each for each in (self.labels, self.maps) if each is not None)

    def restore(self) -> None:
        """Make again what is gone."""
        for folder in self.folders:
            if self.again and not is_whole(folder):
                self.again(folder)


@dataclass(frozen=True)
class Distillation:
    """Of one batch: ``weight`` times T^2 times the mean over all pixels that are shown, void ones
    too, of KL(p || q) at temperature T. With T^2 the gradient has the same scale at every T."""

    teacher: SoftCrops
    weight: float
    temperature: float

    def total(self, group: Group) -> Tensor:
        """How many pixels the batch of the whole ``group`` shows."""
        return group.total(self.teacher.shown_BHW.sum())

    def part(self, band: Band, logits_brKW: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
        """A band's share of the loss, and its derivative with respect to the up-sampled logits."""
        heat = self.temperature
        log_p = (self.teacher.up(band).to(logits_brKW) / heat).log_softmax(2)
        log_q = (logits_brKW / heat).log_softmax(2)
        shown = self.teacher.shown_BHW[band.images, band.rows][:, :, None].to(logits_brKW.dtype)
        share = shown * (self.weight * heat**2 / total.clamp(min=1).to(logits_brKW.dtype))
        p = log_p.exp()
        loss = (torch.mul(p, log_p - log_q).sum(2, keepdim=True) * share).sum()
        return loss, log_q.exp_().sub_(p).mul_(share / heat)
