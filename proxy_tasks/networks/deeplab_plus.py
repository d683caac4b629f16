"""DeepLabv3+ (Chen et al. 2018, arXiv 1802.02611): DeepLabv3 with a decoder for sharp borders."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from proxy_tasks.networks.blocks import LOW_LEVEL, conv_bn_relu, spatial_bn_relu
from proxy_tasks.networks.deeplab import DeepLabV3
from search_space.scales import Scale


class Decoder(nn.Module):
    """Joins the pyramid with a finer map (arXiv 1802.02611, figure 2).

    The low-level map goes through a 1x1 convolution to ``low_filters``, so that it does not
    outweigh the pyramid, which is up-sampled to its size; two 3x3 convolutions follow, or two
    ``separable`` ones.
    x_BChw with ``filters`` channels, low_BCHW with ``low_channels`` -> ``filters`` at H x W.
    """

    def __init__(
        self, low_channels: int, low_filters: int, filters: int, separable: bool = False
    ) -> None:
        super().__init__()
        self.low = conv_bn_relu(low_channels, low_filters, 1)
        self.refine = nn.Sequential(
            spatial_bn_relu(filters + low_filters, filters, separable=separable),
            spatial_bn_relu(filters, filters, separable=separable),
        )

    def forward(self, x_BChw: Tensor, low_BCHW: Tensor) -> Tensor:
        size = low_BCHW.shape[2:]
        x_BCHW = F.interpolate(x_BChw, size=size, mode="bilinear", align_corners=False)
        return self.refine(torch.cat([x_BCHW, self.low(low_BCHW)], 1))


class DeepLabV3Plus(DeepLabV3):
    """DeepLabv3 with the decoder in place of the 3x3 convolution; low logits have level 2.

    The convolutions are plain, not separable, where ``head_separable`` of the scale does not say
    otherwise. Its ``low_level_filters`` apply here.
    """

    def _new_decoder(self, scale: Scale) -> nn.Module:
        self.backbone.extras.add(LOW_LEVEL)
        low_channels, separable = self.backbone.low_channels, scale.head_separable
        return Decoder(low_channels, scale.low_level_filters, scale.aspp_filters, separable)

    def _decoded(self, maps: Mapping[int, Tensor]) -> Tensor:
        return self.dropout(self.decoder(self.aspp(self.endpoints(maps)), maps[LOW_LEVEL]))
