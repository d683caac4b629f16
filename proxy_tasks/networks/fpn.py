"""The semantic branch of a panoptic FPN (Kirillov et al. 2019, arXiv 1901.02446), in its lightest
form."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from proxy_tasks.networks.blocks import spatial_bn_relu
from proxy_tasks.networks.endpoints import DROPOUT, EndpointsHead
from search_space.scales import Scale


class FPNHead(EndpointsHead):
    """Endpoints, one 3x3 convolution, classifier. The published branch has convolutions on every
    level; here the backbone's blocks take their place."""

    def _add_layers(self, scale: Scale, rates: tuple[int, ...]) -> None:
        self.decoder = spatial_bn_relu(
            self.endpoints.filters, scale.aspp_filters, separable=scale.head_separable
        )
        self.dropout = nn.Dropout(DROPOUT)

    def _decoded(self, maps: Mapping[int, Tensor]) -> Tensor:
        return self.dropout(self.decoder(self.endpoints(maps)))
