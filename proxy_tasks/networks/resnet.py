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
from search_space.resnet import DilatedResNet, Stage
from search_space.scales import Scale


class DilatedResNetBackbone(Encoder):
    """ResNet whose last stages trade stride for dilation (arXiv 1706.05587, section 3.1).

    One output map, named by the level that its size has: 3, 4 or 5 for an output stride of 8,
    16 or 32. Of the scale only ``filters`` applies: depth is the spec's, and nothing is resampled.
    """

    def __init__(self, spec: DilatedResNet, scale: Scale) -> None:
        super().__init__()
        filters = scale.level_filters(2)
        self.stem = nn.Sequential(conv_bn_relu(3, filters, 7, stride=DOWNSAMPLE), max_pool())
        stages, channels = [], filters
        for stage in spec.plan:
            width = scale.scaled(stage.filters)
            stages.append(_stage(channels, width, stage))
            channels = width * BottleneckBlock.expansion
        self.stages = nn.Sequential(*stages)
        self.level = spec.plan[-1].level
        self.out_channels = {self.level: channels}

    def forward(self, x_B3HW: Tensor) -> dict[int, Tensor]:
        """Images -> {level: map}."""
        return {self.level: self.stages(self.stem(x_B3HW))}


def _stage(in_channels: int, filters: int, stage: Stage) -> nn.Sequential:
    out_channels = filters * BottleneckBlock.expansion
    blocks = [BottleneckBlock(in_channels, filters, stage.first_dilation, stage.stride)]
    for _ in range(stage.blocks - 1):
        blocks.append(BottleneckBlock(out_channels, filters, stage.dilation))
    return nn.Sequential(*blocks)
