"""Layers that see the whole batch although each process of a group holds only a part of it.

Without them, several processes would train another network than one does: batch norms would see
fewer images, and dropout would draw other masks.
Shapes: B images of this process, C channels, H x W pixels of the map.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from proxy_tasks.processes import Group


def synchronise(network: nn.Module, group: Group) -> None:
    """Replace batch norms and dropout, in place. Weights, buffers and the state dict stay."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, _batch_norm(child, group))
            elif isinstance(child, nn.Dropout):
                setattr(parent, name, SharedDropout(child.p, group).train(child.training))


def _batch_norm(norm: nn.BatchNorm2d, group: Group) -> nn.Module:
    """torch's own takes few kernels, but knows GPUs alone."""
    if norm.weight.is_cuda:
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(norm)
        return converted
    return SynchronisedBatchNorm(norm, group)


class SynchronisedBatchNorm(nn.BatchNorm2d):
    """``norm`` with its own weights and buffers, over the images of the whole group, on a CPU.

    All processes hold the same number of images of the same size.
    """

    def __init__(self, norm: nn.BatchNorm2d, group: Group) -> None:
        super().__init__(norm.num_features, norm.eps, norm.momentum)
        self.weight, self.bias = norm.weight, norm.bias
        self.running_mean, self.running_var = norm.running_mean, norm.running_var
        self.num_batches_tracked = norm.num_batches_tracked
        self.train(norm.training)
        self._group = group

    def forward(self, x_BCHW: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x_BCHW)
        found: tuple[Tensor, Tensor, Tensor] = _Normalised.apply(
            x_BCHW, self.weight, self.bias, self.eps, self._group
        )
        y_BCHW, mean_C, var_C = found
        self._follow(mean_C, var_C, x_BCHW.numel() // len(mean_C) * self._group.size)
        return y_BCHW

    @torch.no_grad()
    def _follow(self, mean_C: Tensor, var_C: Tensor, count: int) -> None:
        """As torch does: the running variance is the unbiased one."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean_C, self.momentum)
        self.running_var.lerp_(var_C * (count / max(1, count - 1)), self.momentum)
        self.num_batches_tracked += 1


class _Normalised(torch.autograd.Function):
    """Ioffe and Szegedy 2015, arXiv 1502.03167, algorithm 1, with one exchange in each direction.

    torch's kernels do the work on a process's own part: the forward one for its moments, the ones
    of evaluation for what follows when the group's moments are known.
    """

    @staticmethod
    def forward(
        ctx: Any, x_BCHW: Tensor, weight_C: Tensor, bias_C: Tensor, eps: float, group: Group
    ) -> tuple[Tensor, Tensor, Tensor]:
        _, own_C, scale_C = torch.native_batch_norm(
            x_BCHW, weight_C, bias_C, None, None, True, 0.0, eps
        )
        # E[x^2] - E[x]^2 loses digits where the mean is large: fp64 has them to lose.
        own_C, own_var_C = own_C.double(), scale_C.double() ** -2 - eps
        mean_C, square_C = group.total(torch.stack([own_C, own_var_C + own_C**2])) / group.size
        var_C = (square_C - mean_C**2).clamp(min=0).to(weight_C.dtype)
        mean_C = mean_C.to(weight_C.dtype)
        y_BCHW, _, _ = torch.native_batch_norm(
            x_BCHW, weight_C, bias_C, mean_C, var_C, False, 0.0, eps
        )
        ctx.save_for_backward(x_BCHW, weight_C, mean_C, var_C)
        ctx.eps, ctx.group = eps, group
        ctx.mark_non_differentiable(mean_C, var_C)
        return y_BCHW, mean_C, var_C

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_BCHW: Tensor, *_: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, None, None]:
        x_BCHW, weight_C, mean_C, var_C = ctx.saved_tensors
        # With the moments taken for constants; then what goes by way of the moments is taken off.
        grad_x, grad_weight_C, grad_bias_C = torch.ops.aten.native_batch_norm_backward(
            grad_BCHW, x_BCHW, weight_C, mean_C, var_C, None, None, False, ctx.eps, [True] * 3
        )
        count = x_BCHW.numel() // len(mean_C) * ctx.group.size
        by_var_C, by_mean_C = ctx.group.total(torch.stack([grad_weight_C, grad_bias_C])) / count
        scale_C = (var_C + ctx.eps).rsqrt()
        slope_C = weight_C * scale_C**2 * by_var_C
        shift_C = weight_C * scale_C * by_mean_C - slope_C * mean_C
        taken = torch.addcmul(shift_C[:, None, None], x_BCHW, slope_C[:, None, None])
        return grad_x.sub_(taken), grad_weight_C, grad_bias_C, None, None


class SharedDropout(nn.Module):
    """The part of this process of the mask that one process would draw for the whole batch."""

    def __init__(self, rate: float, group: Group) -> None:
        super().__init__()
        self.rate, self._group = rate, group

    def forward(self, x_BCHW: Tensor) -> Tensor:
        if not self.training:
            return x_BCHW
        whole = x_BCHW.new_ones(1).expand(len(x_BCHW) * self._group.size, *x_BCHW.shape[1:])
        whole = whole.contiguous(memory_format=torch.channels_last)
        return x_BCHW * self._group.share(F.dropout(whole, self.rate))
