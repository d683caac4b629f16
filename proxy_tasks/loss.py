"""Cross-entropy and soft Dice at full resolution, of logits that were never up-sampled as a whole.

Shapes: B images, K classes, H x W pixels, h x w of the logits' map; b and r images and rows of a
band.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.distillation import Distillation
from proxy_tasks.emphasis import Emphasis
from proxy_tasks.processes import ALONE, Group
from proxy_tasks.upsampling import BandedUpsampling


def upsampled_cross_entropy(
    low_logits_BKhw: Tensor,
    labels_BHW: Tensor,
    elements: int | None = None,
    emphasis: Emphasis | None = None,
) -> Tensor:
    """Mean cross-entropy over the labelled pixels, of logits up-sampled bilinearly to them.

    Equal in value and gradient to ``cross_entropy(interpolate(logits, (H, W)), labels)`` up to
    rounding, but the gradient is found on the way, band by band, so that logits of a whole batch
    at full resolution never exist. fp32 inside, also under autocast and for bf16 logits.
    A batch without a labelled pixel has loss 0 and gradient 0: it says nothing of the network
    (torch's mean would be NaN, which reads as a diverged training).

    Args:
        low_logits_BKhw: K classes, any memory format.
        labels_BHW: int64 class numbers, void where they are IGNORE.
        elements: of a band, see BandedUpsampling.
        emphasis: what each pixel counts; the mean is a weighted one then.
    """
    return weighted_cross_entropy(low_logits_BKhw, labels_BHW, elements, emphasis)[0]


def weighted_cross_entropy(
    low_logits_BKhw: Tensor,
    labels_BHW: Tensor,
    elements: int | None = None,
    emphasis: Emphasis | None = None,
    group: Group = ALONE,
    dice: float = 0.0,
    distillation: Distillation | None = None,
) -> tuple[Tensor, Tensor]:
    """As upsampled_cross_entropy, of what all processes of ``group`` have together: this process's
    share of the mean (their sum is the mean), and the weight of all pixels, without gradient.

    ``dice`` is the weight of a soft Dice loss (Milletari et al. 2016, arXiv 1606.04797) that is
    added: 1 less the mean over the classes that the batch shows of 2 sum(p t) / (sum(p) + sum(t)),
    sums over all labelled pixels of the batch.

    With a ``distillation`` its loss is added, and the second value is the number of pixels that
    the batch shows, labelled or not.
    """
    found: tuple[Tensor, Tensor] = _UpsampledLoss.apply(
        low_logits_BKhw, labels_BHW, elements, emphasis, group, dice, distillation
    )
    return found


class _UpsampledLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        low_BKhw: Tensor,
        labels_BHW: Tensor,
        elements: int | None,
        emphasis: Emphasis | None,
        group: Group,
        dice: float,
        distillation: Distillation | None,
    ) -> tuple[Tensor, Tensor]:
        with torch.autocast(low_BKhw.device.type, enabled=False):
            bands = BandedUpsampling(low_BKhw, labels_BHW.shape[1:], elements)
            weights_BHW, total = _weights(bands, labels_BHW, emphasis, group)
            overlap = _Overlap.of(bands, labels_BHW, group, dice) if dice else None
            taught = _Taught(distillation, distillation.total(group)) if distillation else None
            loss, grad_BKhw = _loss_and_gradient(bands, labels_BHW, weights_BHW, overlap, taught)
            total = taught.pixels if taught else total
        ctx.save_for_backward(grad_BKhw)
        ctx.mark_non_differentiable(total)
        return loss, total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor | None) -> tuple[Tensor | None, ...]:
        (grad_BKhw,) = ctx.saved_tensors
        # Autograd rounds it to the logits' type, after a scale that keeps fp16 from underflowing.
        return grad_BKhw * grad, None, None, None, None, None, None


@dataclass(frozen=True)
class _Taught:
    """By a teacher, on so many ``pixels`` of the whole group."""

    by: Distillation
    pixels: Tensor


@dataclass(frozen=True)
class _Overlap:
    """Soft Dice of a batch. ``loss`` is this process's share; the derivative with respect to a
    labelled pixel's probability of class k is ``found_K`` + ``right_K`` where k is its class."""

    loss: Tensor
    found_K: Tensor
    right_K: Tensor

    @classmethod
    def of(
        cls, bands: BandedUpsampling, labels_BHW: Tensor, group: Group, weight: float
    ) -> _Overlap:
        """Counted over the pixels of the whole ``group``."""
        hit_K, found_K, true_K = sums = bands.low_BhKw.new_zeros(3, bands.low_BhKw.shape[2])
        labelled_BHW = labels_BHW != IGNORE
        for band in bands:
            part = band.images, band.rows
            labelled = labelled_BHW[part][:, :, None]
            probability_brKW = bands.up(band).softmax(2).mul_(labelled)
            target = labels_BHW[part][:, :, None] * labelled
            right_brKW = torch.zeros_like(probability_brKW).scatter_(2, target, 1.0).mul_(labelled)
            found_K += probability_brKW.sum((0, 1, 3))
            true_K += right_brKW.sum((0, 1, 3))
            hit_K += right_brKW.mul_(probability_brKW).sum((0, 1, 3))
        group.total(sums)
        shown_K = true_K > 0
        share = weight / shown_K.sum().clamp(min=1)
        size_K = (found_K + true_K).clamp(min=torch.finfo(sums.dtype).tiny)
        score_K = torch.where(shown_K, 2 * hit_K / size_K, 0)
        return cls(
            (weight * shown_K.any() - share * score_K.sum()) / group.size,
            torch.where(shown_K, share * score_K / size_K, 0),
            torch.where(shown_K, -2 * share / size_K, 0),
        )

    def gradient(self, probability_brKW: Tensor, target_br1W: Tensor, labelled: Tensor) -> Tensor:
        """With respect to the up-sampled logits: through the softmax."""
        slope = self.found_K[:, None].expand_as(probability_brKW).clone()
        right = self.right_K[target_br1W]
        slope.scatter_add_(2, target_br1W, right)
        slope -= (slope * probability_brKW).sum(2, keepdim=True)
        return slope.mul_(probability_brKW).mul_(labelled)


def _weights(
    bands: BandedUpsampling, labels_BHW: Tensor, emphasis: Emphasis | None, group: Group
) -> tuple[Tensor, Tensor]:
    """What each pixel counts in a mean over all that the group has, and by what it was divided."""
    if emphasis is None:
        labelled_BHW = labels_BHW != IGNORE
        total = group.total(labelled_BHW.sum())
        return labelled_BHW / total.clamp(min=1).to(bands.low_BhKw.dtype), total
    weights_BHW = emphasis.weigh(bands, labels_BHW, group)
    total = group.total(weights_BHW.sum())
    return weights_BHW / total.clamp(min=torch.finfo(weights_BHW.dtype).tiny), total


def _loss_and_gradient(
    bands: BandedUpsampling,
    labels_BHW: Tensor,
    weights_BHW: Tensor,
    overlap: _Overlap | None,
    taught: _Taught | None,
) -> tuple[Tensor, Tensor]:
    labelled_BHW = labels_BHW != IGNORE
    loss, grad_BhKw = weights_BHW.new_zeros(()), torch.zeros_like(bands.low_BhKw)
    if overlap:
        loss = loss + overlap.loss
    for band in bands:
        part = band.images, band.rows
        weights = weights_BHW[part][:, :, None]
        # Any class will do for void: its weight is 0.
        target = (labels_BHW[part] * labelled_BHW[part])[:, :, None]
        # As log_softmax does it, but every exponential is taken once, for value and gradient.
        logits = bands.up(band)
        added = None
        if taught:
            share, added = taught.by.part(band, logits, taught.pixels)
            loss += share
        logits -= logits.amax(2, keepdim=True)
        chosen = logits.gather(2, target)
        total = logits.exp_().sum(2, keepdim=True)
        loss += ((total.log() - chosen) * weights).sum()
        if overlap:
            slope = overlap.gradient(logits / total, target, labelled_BHW[part][:, :, None])
            added = slope if added is None else added + slope
        # Softmax less one-hot, weighted: the gradient with respect to the up-sampled logits.
        grad = logits.mul_(weights / total).scatter_add_(2, target, -weights)
        if added is not None:
            grad += added
        grad_BhKw[band.images, band.low] += bands.down(band, grad)
    return loss, grad_BhKw.transpose(1, 2)
