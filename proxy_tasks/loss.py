"""Cross-entropy at full resolution, of logits that were never up-sampled as a whole."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from proxy_tasks.datasets.base import IGNORE
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
) -> tuple[Tensor, Tensor]:
    """As upsampled_cross_entropy, of what all processes of ``group`` have together: this process's
    share of the mean (their sum is the mean), and the weight of all pixels, without gradient."""
    found: tuple[Tensor, Tensor] = _UpsampledCrossEntropy.apply(
        low_logits_BKhw, labels_BHW, elements, emphasis, group
    )
    return found


class _UpsampledCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        low_BKhw: Tensor,
        labels_BHW: Tensor,
        elements: int | None,
        emphasis: Emphasis | None,
        group: Group,
    ) -> tuple[Tensor, Tensor]:
        with torch.autocast(low_BKhw.device.type, enabled=False):
            bands = BandedUpsampling(low_BKhw, labels_BHW.shape[1:], elements)
            weights_BHW, total = _weights(bands, labels_BHW, emphasis, group)
            loss, grad_BKhw = _loss_and_gradient(bands, labels_BHW, weights_BHW)
        ctx.save_for_backward(grad_BKhw)
        ctx.mark_non_differentiable(total)
        return loss, total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor | None) -> tuple[Tensor, None, None, None, None]:
        (grad_BKhw,) = ctx.saved_tensors
        # Autograd rounds it to the logits' type, after a scale that keeps fp16 from underflowing.
        return grad_BKhw * grad, None, None, None, None


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
    bands: BandedUpsampling, labels_BHW: Tensor, weights_BHW: Tensor
) -> tuple[Tensor, Tensor]:
    labelled_BHW = labels_BHW != IGNORE
    loss, grad_BhKw = weights_BHW.new_zeros(()), torch.zeros_like(bands.low_BhKw)
    for band in bands:
        part = band.images, band.rows
        weights = weights_BHW[part][:, :, None]
        # Any class will do for void: its weight is 0.
        target = (labels_BHW[part] * labelled_BHW[part])[:, :, None]
        # As log_softmax does it, but every exponential is taken once, for value and gradient.
        logits = bands.up(band)
        logits -= logits.amax(2, keepdim=True)
        chosen = logits.gather(2, target)
        total = logits.exp_().sum(2, keepdim=True)
        loss += ((total.log() - chosen) * weights).sum()
        # Softmax less one-hot, weighted: the gradient with respect to the up-sampled logits.
        grad = logits.mul_(weights / total).scatter_add_(2, target, -weights)
        grad_BhKw[band.images, band.low] += bands.down(band, grad)
    return loss, grad_BhKw.transpose(1, 2)
