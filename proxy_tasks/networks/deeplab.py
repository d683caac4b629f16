"""DeepLabv3 (Chen et al. 2017, arXiv 1706.05587) on any backbone that publishes its channels."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from proxy_tasks.networks.blocks import conv_bn_relu, spatial_bn_relu
from proxy_tasks.networks.endpoints import DROPOUT, EndpointsHead
from search_space.scales import Scale


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling (arXiv 1706.05587, section 3.3).

    1x1, three dilated 3x3 (or ``separable`` ones) and the image's mean, concatenated and projected
    by a 1x1:
    x_BCHW with ``in_channels`` -> ``filters`` channels, same size. In training mode it needs at
    least two images a batch, as the batch norm behind the mean sees one value an image.
    """

    def __init__(
        self, in_channels: int, filters: int, rates: tuple[int, ...], separable: bool = False
    ) -> None:
        super().__init__()
        self.rates = rates
        self.branches = nn.ModuleList([conv_bn_relu(in_channels, filters, 1)])
        for rate in rates:
            branch = spatial_bn_relu(in_channels, filters, dilation=rate, separable=separable)
            self.branches.append(branch)
        self.pooled = conv_bn_relu(in_channels, filters, 1)
        self.project = conv_bn_relu((len(rates) + 2) * filters, filters, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        parts = [branch(x_BCHW) for branch in self.branches]
        mean_BC11 = self.pooled(x_BCHW.mean((2, 3), keepdim=True))
        # A map of one pixel has no memory format to keep: taking the branches' keeps cat from
        # falling back to NCHW.
        parts.append(torch.zeros_like(parts[0]) + mean_BC11)
        return self.project(torch.cat(parts, 1))


class DeepLabV3(EndpointsHead):
    """Endpoints, ASPP, 3x3 convolution, classifier. ``aspp_filters`` of the scale apply here.

    On a ResNet it is torchvision's network, weight for weight, but for the dropout behind ASPP:
    0.1 here as in the authors' own code, 0.5 there.
    """

    def _add_layers(self, scale: Scale, rates: tuple[int, ...]) -> None:
        filters = scale.aspp_filters
        self.aspp = ASPP(self.endpoints.filters, filters, rates, scale.head_separable)
        self.dropout = nn.Dropout(DROPOUT)
        self.decoder = self._new_decoder(scale)

    def _new_decoder(self, scale: Scale) -> nn.Module:
        filters = scale.aspp_filters
        return spatial_bn_relu(filters, filters, separable=scale.head_separable)

    def _decoded(self, maps: Mapping[int, Tensor]) -> Tensor:
        return self.decoder(self.dropout(self.aspp(self.endpoints(maps))))
