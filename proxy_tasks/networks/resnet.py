"""The baseline backbone: a bottleneck ResNet, dilated where DeepLabv3 dilates it."""

from __future__ import annotations

from torch import Tensor, nn

from proxy_tasks.networks.blocks import (
    DOWNSAMPLE,
    BottleneckBlock,
    Encoder,
    conv_bn_relu,
    max_pool,
)
from search_space.resnet import DilatedResNet
from search_space.scales import Scale

STAGE_FILTERS = (64, 128, 256, 512)
"""Filters of levels 2 to 5 at width 1, before the expansion (arXiv 1512.03385, table 1)."""


class DilatedResNetBackbone(Encoder):
    """ResNet whose last stages trade stride for dilation (arXiv 1706.05587, section 3.1).

    One output map, named by the level that its size has: 3, 4 or 5 for an output stride of 8,
    16 or 32. Of the scale only ``filters`` applies: depth is the spec's, and nothing is resampled.
    """

    def __init__(self, spec: DilatedResNet, scale: Scale) -> None:
        super().__init__()
        filters = scale.level_filters(2)
        widths = [max(1, int(count * scale.filters)) for count in STAGE_FILTERS]
        plan = _strides_and_dilations(spec.output_stride)
        self.stem = nn.Sequential(conv_bn_relu(3, filters, 7, stride=DOWNSAMPLE), max_pool())
        stages, channels = [], filters
        for repeats, width, (stride, first, dilation) in zip(
            spec.stages, widths, plan, strict=True
        ):
            stages.append(_stage(channels, width, repeats, stride, first, dilation))
            channels = width * BottleneckBlock.expansion
        self.stages = nn.Sequential(*stages)
        self.level = spec.output_stride.bit_length() - 1
        self.out_channels = {self.level: channels}

    def forward(self, x_B3HW: Tensor) -> dict[int, Tensor]:
        """Images -> {level: map}."""
        return {self.level: self.stages(self.stem(x_B3HW))}


def _strides_and_dilations(output_stride: int) -> list[tuple[int, int, int]]:
    """(stride, dilation of the first block, dilation of the others) of the four stages.

    The first block of a dilated stage keeps the dilation of the stage before: it reads a map
    of that sampling, as the strided block did whose place it takes.
    """
    plan, total, dilation = [(1, 1, 1)], 4, 1
    for _ in STAGE_FILTERS[1:]:
        previous, strided = dilation, total < output_stride
        total, dilation = (total * 2, dilation) if strided else (total, dilation * 2)
        plan.append((DOWNSAMPLE if strided else 1, previous, dilation))
    return plan


def _stage(
    in_channels: int, filters: int, repeats: int, stride: int, first: int, dilation: int
) -> nn.Sequential:
    out_channels = filters * BottleneckBlock.expansion
    blocks = [BottleneckBlock(in_channels, filters, first, stride)]
    blocks += [BottleneckBlock(out_channels, filters, dilation) for _ in range(repeats - 1)]
    return nn.Sequential(*blocks)
