"""What heads begin and end with that label pixels: one map of the backbone's levels, and classes.

Shapes: B images, C channels, H x W pixels of the map.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F

from proxy_tasks.networks.auxiliary import auxiliary_head
from proxy_tasks.networks.blocks import AUXILIARY, Encoder, conv_bn_relu, initialise
from search_space.errors import UserError
from search_space.scales import Scale

DROPOUT = 0.1


class Endpoints(nn.ModuleDict):
    """A 1x1 convolution per level, up-sampled to the finest and summed; none for a single level.

    Args:
        out_channels: of the backbone: level -> channels.
        filters: of the sum. A single level's map is handed over as it is.
    """

    def __init__(self, out_channels: Mapping[int, int], filters: int) -> None:
        super().__init__()
        self.finest = min(out_channels)
        self.filters = out_channels[self.finest]
        if len(out_channels) > 1:
            self.filters = filters
            self.update({str(i): conv_bn_relu(n, filters, 1) for i, n in out_channels.items()})

    def forward(self, features: Mapping[int, Tensor]) -> Tensor:
        """Level -> map, into x_BCHW of ``filters`` channels at the finest level."""
        finest = features[self.finest]
        if not self:
            return finest
        total = self[str(self.finest)](finest)
        for level, endpoint in self.items():
            if level != str(self.finest):
                x_BCHW = endpoint(features[int(level)])
                total = total + F.interpolate(x_BCHW, size=finest.shape[2:], mode="nearest")
        return total


class EndpointsHead(nn.Module):
    """Backbone, endpoints, the layers of the head, classifier.

    A backbone of several levels gets a 1x1 endpoint convolution per level, up-sampled to the
    finest and summed (SpineNet-Seg, arXiv 2103.12270); one of a single level is read as it is.
    ``endpoint_filters`` of the scale apply here, and the classifier reads its ``aspp_filters``.

    Raises:
        UserError: for an auxiliary head on a backbone that has no map for it.
    """

    def __init__(
        self,
        backbone: Encoder,
        classes: int,
        scale: Scale,
        rates: tuple[int, ...],
        auxiliary: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.finest = min(backbone.out_channels)
        self.endpoints = Endpoints(backbone.out_channels, scale.endpoint_filters)
        self._add_layers(scale, rates)
        self.classifier = nn.Conv2d(scale.aspp_filters, classes, 1)
        initialise(self)
        # Last of all: the weights drawn for the rest are the same with it and without.
        self.auxiliary = auxiliary_head(backbone, classes) if auxiliary else None

    def forward(self, x_B3HW: Tensor) -> Tensor:
        """Images -> logits_BKHW for K classes at the images' size."""
        logits = self.forward_low(x_B3HW)
        return F.interpolate(logits, size=x_B3HW.shape[2:], mode="bilinear", align_corners=False)

    def forward_low(self, x_B3HW: Tensor) -> Tensor:
        """Images -> logits_BKhw of the stride that the head's declaration says."""
        return self.classifier(self._decoded(self.backbone(x_B3HW)))

    def forward_auxiliary(self, x_B3HW: Tensor) -> tuple[Tensor, Tensor]:
        """Images -> (logits as forward_low, logits of the auxiliary head), for training.

        Raises:
            UserError: if the network was built without an auxiliary head.
        """
        if self.auxiliary is None:
            raise UserError("the network has no auxiliary head: build it with auxiliary=True")
        maps = self.backbone(x_B3HW)
        return self.classifier(self._decoded(maps)), self.auxiliary(maps[AUXILIARY])

    def _add_layers(self, scale: Scale, rates: tuple[int, ...]) -> None:
        """Of the head, between endpoints and classifier."""
        raise NotImplementedError

    def _decoded(self, maps: Mapping[int, Tensor]) -> Tensor:
        """What the classifier reads."""
        raise NotImplementedError
