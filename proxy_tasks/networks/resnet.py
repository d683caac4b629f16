"""The baseline backbone: a bottleneck ResNet, dilated where DeepLabv3 dilates it."""

from __future__ import annotations

from torch import Tensor, nn

from proxy_tasks.networks.blocks import (
    AUXILIARY,
    DOWNSAMPLE,
    LOW_LEVEL,
    BottleneckBlock,
    Encoder,
    conv_bn_relu,
    max_pool,
    resnet_stage,
)
from search_space.resnet import DilatedResNet
from search_space.scales import Scale

EXTRA_STAGES = {0: LOW_LEVEL, 2: AUXILIARY}
"""Position of a stage -> the name under which its map is handed over to a head that asks."""


class DilatedResNetBackbone(Encoder):
    """ResNet whose last stages trade stride for dilation (arXiv 1706.05587, section 3.1).

    One output map, named by the level that its size has: 3, 4 or 5 for an output stride of 8,
    16 or 32. The low-level map is that of the first stage (arXiv 1802.02611), the
    auxiliary head's that of the third. Of the scale only ``filters`` and ``stem_filters`` apply:
    depth is the spec's, and nothing is resampled.
    """

    def __init__(self, spec: DilatedResNet, scale: Scale) -> None:
        super().__init__()
        filters = scale.first_filters
        self.stem = nn.Sequential(
            conv_bn_relu(scale.channels, filters, 7, stride=DOWNSAMPLE), max_pool()
        )
        widths = [scale.scaled(stage.filters) for stage in spec.plan]
        channels = [width * BottleneckBlock.expansion for width in widths]
        inputs = (filters, *channels[:-1])
        self.stages = nn.Sequential(
            *(
                resnet_stage(BottleneckBlock, before, width, stage)
                for before, width, stage in zip(inputs, widths, spec.plan, strict=True)
            )
        )
        self.level = spec.plan[-1].level
        self.low_channels, _, self.auxiliary_channels, last = channels
        self.out_channels = {self.level: last}

    def forward(self, x_B3HW: Tensor) -> dict[int, Tensor]:
        """Images -> {level: map}, and what is in ``extras``."""
        maps, x_BCHW = {}, self.stem(x_B3HW)
        for index, stage in enumerate(self.stages):
            x_BCHW = stage(x_BCHW)
            if (extra := EXTRA_STAGES.get(index)) in self.extras:
                maps[extra] = x_BCHW
        return {self.level: x_BCHW, **maps}
