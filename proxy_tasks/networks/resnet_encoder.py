"""ResNet (see search_space.encoders.resnet) as an encoder of several levels."""

from __future__ import annotations

from torch import nn

from proxy_tasks.networks.blocks import (
    BLOCK_CLASSES,
    DOWNSAMPLE,
    conv_bn_relu,
    max_pool,
    resnet_stage,
)
from proxy_tasks.networks.level_encoder import StagedEncoder
from search_space.encoders.resnet import ResNet
from search_space.resnet import STAGE_FILTERS


class ResNetEncoder(StagedEncoder):
    """The stages up to that of level ``deepest``, for images of so many ``channels``."""

    def __init__(self, spec: ResNet, channels: int, deepest: int) -> None:
        super().__init__()
        before = STAGE_FILTERS[0]
        self.stem = nn.Sequential(conv_bn_relu(channels, before, 7, stride=DOWNSAMPLE), max_pool())
        self.levels = nn.ModuleDict()
        for level, stage in spec.levels.items():
            if level <= deepest:
                kind = BLOCK_CLASSES[spec.block]
                self.levels[str(level)] = resnet_stage(kind, before, stage.filters, stage)
                before = spec.channels[level]
