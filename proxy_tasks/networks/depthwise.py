"""Convolutions that filter each channel by itself."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DepthwiseConv2d(nn.Conv2d):
    """x_BCHW -> the same shape at ceil(size / stride). Without bias, padded alike on all sides."""

    def __init__(self, channels: int, kernel: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__(
            channels,
            channels,
            kernel,
            stride,
            dilation * (kernel // 2),
            dilation,
            groups=channels,
            bias=False,
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        if not slow_in_half(x_BCHW, self.groups):
            return super().forward(x_BCHW)
        with torch.autocast("cpu", enabled=False):
            return super().forward(x_BCHW.float()).to(x_BCHW.dtype)


def slow_in_half(x_BCHW: Tensor, groups: int) -> bool:
    """Whether a convolution is better computed in fp32: oneDNN's gradient of one in ``groups``
    takes four to ten times as long in bf16."""
    return torch.is_autocast_enabled("cpu") and groups > 1 and x_BCHW.is_cpu
