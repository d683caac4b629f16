"""Which pixels a loss looks at: rare classes more than frequent ones, or hard pixels alone.

Shapes: B images, K classes, H x W pixels, b and r images and rows of a band.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.processes import ALONE, Group
from proxy_tasks.recipe import Recipe
from proxy_tasks.upsampling import BandedUpsampling

OFFSET = 1.02
"""Of the inverse logarithm: keeps the weight of the rarest class at about 50."""


@dataclass(frozen=True)
class Emphasis:
    """``class_weights_K``: of the pixels of each class, None: all 1. ``threshold``: only pixels
    whose own class has less than this probability count, but of the labelled ones at least the
    share ``least``, the hardest (Shrivastava et al. 2016, online hard example mining, as
    segmentation has it); None: all."""

    class_weights_K: Tensor | None = None
    threshold: float | None = None
    least: float = 0.0

    @classmethod
    def of(cls, recipe: Recipe, pixels_K: Tensor) -> Emphasis | None:
        """None where the recipe has all pixels alike. ``pixels_K`` counts the labelled ones of each
        class that are trained on."""
        if not recipe.balance and recipe.ohem is None:
            return None
        weights = inverse_log_frequency(pixels_K) if recipe.balance else None
        return cls(weights, recipe.ohem, recipe.ohem_keep)

    def weigh(self, bands: BandedUpsampling, labels_BHW: Tensor, group: Group = ALONE) -> Tensor:
        """(B, H, W) of the logits' type: what each pixel counts, 0 where void. What is hard is told
        among the pixels of the whole ``group``."""
        labelled_BHW = labels_BHW != IGNORE
        target_BHW = labels_BHW * labelled_BHW
        weights_BHW = labelled_BHW.to(bands.low_BhKw.dtype)
        if self.threshold is not None:
            weights_BHW = weights_BHW * self._hard(bands, target_BHW, labelled_BHW, group)
        if self.class_weights_K is not None:
            weights_BHW = weights_BHW * self.class_weights_K.to(weights_BHW)[target_BHW]
        return weights_BHW

    def _hard(
        self, bands: BandedUpsampling, target_BHW: Tensor, labelled_BHW: Tensor, group: Group
    ) -> Tensor:
        right_BHW = torch.full(target_BHW.shape, torch.inf).to(bands.low_BhKw)
        for band in bands:
            probability_brKW = bands.up(band).softmax(2)
            target_br1W = target_BHW[band.images, band.rows][:, :, None]
            right_BHW[band.images, band.rows] = probability_brKW.gather(2, target_br1W)[:, :, 0]
        right_BHW.masked_fill_(~labelled_BHW, torch.inf)
        count = max(1, round(self.least * int(group.total(labelled_BHW.sum()))))
        candidates = right_BHW.flatten()
        if group.size > 1:  # nothing beyond a process's own ``count`` hardest is among those of all
            own = min(count, len(candidates))
            candidates = group.gathered(candidates.topk(own, largest=False).values)
        hardest = candidates.kthvalue(count).values
        assert self.threshold is not None
        return (right_BHW < self.threshold) | (right_BHW <= hardest)


def inverse_log_frequency(pixels_K: Tensor) -> Tensor:
    """1 / ln(1.02 + p) for each class's share p of the labelled pixels (Paszke et al. 2016, ENet,
    arXiv 1606.02147), float32."""
    share_K = pixels_K.double() / pixels_K.sum().clamp(min=1)
    return (1 / torch.log(OFFSET + share_K)).float()
