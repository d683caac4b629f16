"""One bounded training run on labels of pixels. Proxies and full trainings share it.

Shapes: B batch, H height, W width of the images.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.distillation import Distillation, Lessons
from proxy_tasks.emphasis import Emphasis
from proxy_tasks.feature_distillation import FeatureDistillation, tapped
from proxy_tasks.intensities import NATURAL, Intensities
from proxy_tasks.loss import weighted_cross_entropy
from proxy_tasks.networks import Segmenter
from proxy_tasks.precision import autocast
from proxy_tasks.processes import ALONE, Group
from proxy_tasks.recipe import Recipe
from proxy_tasks.soft_labels import SoftLabels
from proxy_tasks.teacher_maps import open_teacher_maps
from proxy_tasks.training_loop import TrainingLoop


class Training(TrainingLoop[Segmenter]):
    """A TrainingLoop by cross-entropy. With ``lessons`` the network learns from a teacher too; a
    micro-batch then counts by the pixels that it shows, not by the labelled ones, and where maps
    are learnt by its crops."""

    def __init__(
        self,
        network: Segmenter,
        train: DeviceSplit,
        recipe: Recipe,
        epochs: int,
        seed: int,
        size: tuple[int, int],
        *,
        images: int | None = None,
        chosen: Sequence[int] | None = None,
        intensities: Intensities = NATURAL,
        group: Group = ALONE,
        lessons: Lessons | None = None,
    ) -> None:
        self._maps: FeatureDistillation | None = None
        if lessons and lessons.maps and lessons.features:
            maps = open_teacher_maps(lessons.maps, train.device)
            self._maps = FeatureDistillation(maps, network.backbone.out_channels, intensities)
        super().__init__(
            network,
            train,
            recipe,
            epochs,
            seed,
            size,
            images=images,
            chosen=chosen,
            intensities=intensities,
            group=group,
            beside=self._maps.projections if self._maps else None,
        )
        pixels_K = torch.from_numpy(train.counts_NK[self.chosen].sum(0)).to(self.device)
        self.emphasis = Emphasis.of(recipe, pixels_K)
        self.lessons = lessons
        labels = lessons and lessons.labels
        self._soft = SoftLabels.open(labels, self.device) if labels else None
        assert self._soft is None or len(self._soft) == len(train)

    def _loss(self, index: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        """Of this process's part of a micro-batch, see weighted_cross_entropy."""
        index, draws = self.group.share(index), self.group.share(draws)
        x_BCHW, y_BHW = self.crops(index, draws)
        with autocast(self.device, x_BCHW.shape[3]):
            low_logits, error = self._forward(x_BCHW)
        loss, weight = weighted_cross_entropy(
            low_logits,
            y_BHW,
            emphasis=self.emphasis,
            group=self.group,
            dice=self.recipe.dice,
            distillation=self._distillation(index, draws),
        )
        if error is None or self.lessons is None:
            return loss, weight
        crops = torch.full_like(weight, self.recipe.micro_batch)
        return loss + self.lessons.features * error / self.group.size, crops

    def _forward(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits, and the error of what this process's part shows of the teacher's maps."""
        if self._maps is None:
            return self.network.forward_low(x_BCHW), None
        with tapped(self.network.backbone) as maps:
            low_logits = self.network.forward_low(x_BCHW)
        return low_logits, self._maps.loss(maps, x_BCHW)

    def _distillation(self, index: Tensor, draws: Tensor) -> Distillation | None:
        """What the teacher says of this process's part of a micro-batch."""
        if self.lessons is None or self._soft is None:
            return None
        said = self.crops.taught(self._soft, index, draws)
        return Distillation(said, self.lessons.weight, self.lessons.temperature)
