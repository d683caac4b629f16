"""The image classifier that SpineNet was published with (arXiv 1912.05027, section 4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from proxy_tasks.networks.blocks import Encoder, conv_bn_relu, initialise
from search_space.scales import Scale


class Classifier(nn.Module):
    """Backbone, a 1x1 endpoint convolution per level, the mean over all of them, classifier.

    The published network up-samples the endpoints to the finest level, averages them, and takes
    the mean over the image. Where every size divides the finest, nearest up-sampling leaves a
    map's mean as it is, so here the means themselves are averaged. ``endpoint_filters`` of the
    scale apply here.
    """

    def __init__(self, backbone: Encoder, classes: int, scale: Scale) -> None:
        super().__init__()
        self.backbone = backbone
        self.endpoints = nn.ModuleDict(
            {
                str(level): conv_bn_relu(channels, scale.endpoint_filters, 1)
                for level, channels in backbone.out_channels.items()
            }
        )
        self.classifier = nn.Linear(scale.endpoint_filters, classes)
        initialise(self)

    def forward(self, x_B3HW: Tensor) -> Tensor:
        """Images -> logits_BK for K classes."""
        maps = self.backbone(x_B3HW)
        means = [
            endpoint(maps[int(level)]).mean((2, 3)) for level, endpoint in self.endpoints.items()
        ]
        return self.classifier(torch.stack(means).mean(0))
