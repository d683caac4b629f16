"""From a spec to a network: backbones, DeepLabv3 and what they cost."""

from __future__ import annotations

from proxy_tasks.networks.backbone import ScalePermutedBackbone
from proxy_tasks.networks.blocks import Encoder
from proxy_tasks.networks.cost import Cost, count
from proxy_tasks.networks.deeplab import DeepLabV3
from proxy_tasks.networks.resnet import DilatedResNetBackbone
from search_space.architecture import Architecture
from search_space.resnet import DilatedResNet
from search_space.scales import Scale
from search_space.shapes import aspp_rates

__all__ = ["Cost", "DeepLabV3", "build", "count"]


def build(
    backbone: Architecture | DilatedResNet, scale: Scale, classes: int, size: tuple[int, int]
) -> DeepLabV3:
    """DeepLabv3 for images of about (height, width) pixels; any size runs.

    ``size`` only sets the atrous rates (see aspp_rates). Weights come from torch's global
    generator: seed it for a reproducible start.
    """
    encoder: Encoder
    if isinstance(backbone, Architecture):
        encoder = ScalePermutedBackbone(backbone, scale)
    else:
        encoder = DilatedResNetBackbone(backbone, scale)
    return DeepLabV3(encoder, classes, scale, aspp_rates(size, 2 ** min(encoder.out_channels)))
