"""DeepLabv3 (Chen et al. 2017, arXiv 1706.05587) on any backbone that publishes its channels."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from proxy_tasks.networks.auxiliary import auxiliary_head
from proxy_tasks.networks.blocks import AUXILIARY, Encoder, conv_bn_relu, initialise
from search_space.errors import UserError
from search_space.scales import Scale

DROPOUT = 0.1


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling (arXiv 1706.05587, section 3.3).

    1x1, three dilated 3x3 and the image's mean, concatenated and projected by a 1x1:
    x_BCHW with ``in_channels`` -> ``filters`` channels, same size. In training mode it needs at
    least two images a batch, as the batch norm behind the mean sees one value an image.
    """

    def __init__(self, in_channels: int, filters: int, rates: tuple[int, int, int]) -> None:
        super().__init__()
        self.rates = rates
        self.branches = nn.ModuleList([conv_bn_relu(in_channels, filters, 1)])
        for rate in rates:
            self.branches.append(conv_bn_relu(in_channels, filters, 3, dilation=rate))
        self.pooled = conv_bn_relu(in_channels, filters, 1)
        self.project = conv_bn_relu((len(rates) + 2) * filters, filters, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        parts = [branch(x_BCHW) for branch in self.branches]
        mean_BC11 = self.pooled(x_BCHW.mean((2, 3), keepdim=True))
        # A map of one pixel has no memory format to keep: taking the branches' keeps cat from
        # falling back to NCHW.
        parts.append(torch.zeros_like(parts[0]) + mean_BC11)
        return self.project(torch.cat(parts, 1))


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


class DeepLabV3(nn.Module):
    """Backbone, endpoints, ASPP, 3x3 convolution, classifier.

    A backbone of several levels gets a 1x1 endpoint convolution per level, up-sampled to the
    finest and summed (SpineNet-Seg, arXiv 2103.12270); one of a single level goes straight
    into ASPP, as published. ``endpoint_filters`` and ``aspp_filters`` of the scale apply here.

    On a ResNet it is torchvision's network, weight for weight, but for the dropout behind ASPP:
    0.1 here as in the authors' own code, 0.5 there.

    Raises:
        UserError: for an auxiliary head on a backbone that has no map for it.
    """

    def __init__(
        self,
        backbone: Encoder,
        classes: int,
        scale: Scale,
        rates: tuple[int, int, int],
        auxiliary: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.finest = min(backbone.out_channels)
        self.endpoints = Endpoints(backbone.out_channels, scale.endpoint_filters)
        self.aspp = ASPP(self.endpoints.filters, scale.aspp_filters, rates)
        self.dropout = nn.Dropout(DROPOUT)
        self.decoder = self._new_decoder(scale)
        self.classifier = nn.Conv2d(scale.aspp_filters, classes, 1)
        initialise(self)
        # Last of all: the weights drawn for the rest are the same with it and without.
        self.auxiliary = auxiliary_head(backbone, classes) if auxiliary else None

    def forward(self, x_B3HW: Tensor) -> Tensor:
        """Images -> logits_BKHW for K classes at the images' size."""
        logits = self.forward_low(x_B3HW)
        return F.interpolate(logits, size=x_B3HW.shape[2:], mode="bilinear", align_corners=False)

    def forward_low(self, x_B3HW: Tensor) -> Tensor:
        """Images -> logits_BKhw at the size of the backbone's finest output level."""
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

    def _new_decoder(self, scale: Scale) -> nn.Module:
        return conv_bn_relu(scale.aspp_filters, scale.aspp_filters, 3)

    def _decoded(self, maps: dict[int, Tensor]) -> Tensor:
        """What the classifier reads."""
        return self.decoder(self.dropout(self.aspp(self._merged(maps))))

    def _merged(self, features: dict[int, Tensor]) -> Tensor:
        return self.endpoints(features)
