"""EfficientNet-Lite (see search_space.encoders.efficientnet_lite) as an encoder of several levels.

Shapes: B images, C channels, H x W pixels of the map.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from proxy_tasks.networks.depthwise import slow_in_half
from proxy_tasks.networks.level_encoder import StagedEncoder
from search_space.encoders.efficientnet_lite import (
    LITE_EPSILON,
    LITE_STEM_FILTERS,
    EfficientNetLite,
    InvertedStage,
)


class SameConv2d(nn.Conv2d):
    """A convolution without bias that is padded as TensorFlow pads it: by as much as gives
    ceil(size / stride), of which an odd pixel lies below and on the right."""

    def __init__(
        self, in_channels: int, channels: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(in_channels, channels, kernel, stride, padding, groups=groups, bias=False)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        if self.stride[0] == 2:
            height, width = x_BCHW.shape[2:]
            # An even side is short of kernel - 2 pixels, an odd one of kernel - 1.
            short, kernel = (height % 2, width % 2), self.kernel_size[0]
            above, left = ((kernel - 2 + odd) // 2 for odd in short)
            below, right = ((kernel - 1 + odd) // 2 for odd in short)
            x_BCHW = F.pad(x_BCHW, (left, right, above, below))
        if slow_in_half(x_BCHW, self.groups):
            with torch.autocast("cpu", enabled=False):
                return super().forward(x_BCHW.float()).to(x_BCHW.dtype)
        return super().forward(x_BCHW)


def conv_bn_lite(
    in_channels: int, channels: int, kernel: int, *, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    """Convolution, then batch norm with the epsilon that the weights were trained with."""
    conv = SameConv2d(in_channels, channels, kernel, stride, groups)
    return nn.Sequential(conv, nn.BatchNorm2d(channels, eps=LITE_EPSILON))


class InvertedResidual(nn.Module):
    """1x1 to ``expansion`` times the channels, a kernel for each channel, 1x1 to ``channels``
    without an activation (Sandler et al. 2018, arXiv 1801.04381); the sum with what it reads where
    that has the same shape."""

    def __init__(self, in_channels: int, stage: InvertedStage, stride: int) -> None:
        super().__init__()
        wide = in_channels * stage.expansion
        self.expand: nn.Module = nn.Identity()
        if stage.expansion > 1:
            self.expand = conv_bn_lite(in_channels, wide, 1).append(nn.ReLU6(inplace=True))
        self.depthwise = conv_bn_lite(wide, wide, stage.kernel, stride=stride, groups=wide)
        self.depthwise.append(nn.ReLU6(inplace=True))
        self.project = conv_bn_lite(wide, stage.channels, 1)
        self.summed = stride == 1 and in_channels == stage.channels

    def forward(self, x_BCHW: Tensor) -> Tensor:
        y_BCHW = self.project(self.depthwise(self.expand(x_BCHW)))
        return y_BCHW + x_BCHW if self.summed else y_BCHW


class EfficientNetLiteEncoder(StagedEncoder):
    """The stages up to that of level ``deepest``, for images of so many ``channels``."""

    def __init__(self, spec: EfficientNetLite, channels: int, deepest: int) -> None:
        super().__init__()
        self.stem = conv_bn_lite(channels, LITE_STEM_FILTERS, 3, stride=2)
        self.stem.append(nn.ReLU6(inplace=True))
        self.levels = nn.ModuleDict()
        before = LITE_STEM_FILTERS
        for level, stages in spec.levels.items():
            if level <= deepest:
                self.levels[str(level)] = nn.Sequential(*inverted_blocks(before, stages))
                before = stages[-1].channels


def inverted_blocks(
    in_channels: int, stages: Iterable[InvertedStage]
) -> Iterable[InvertedResidual]:
    """The first of each stage has its stride."""
    for stage in stages:
        for position in range(stage.repeats):
            yield InvertedResidual(in_channels, stage, stage.stride if position == 0 else 1)
            in_channels = stage.channels
