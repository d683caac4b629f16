"""The second classifier that baselines are trained with: it reads the stage before the last."""

from __future__ import annotations

from torch import nn

from proxy_tasks.networks.blocks import AUXILIARY, Encoder, conv_bn_relu, initialise
from search_space.errors import UserError

AUXILIARY_DROPOUT = 0.1


def auxiliary_head(backbone: Encoder, classes: int) -> nn.Sequential:
    """torchvision's: 3x3 convolution to a quarter of the channels, dropout, classifier.

    Its loss is added to the main one in training (PSPNet, arXiv 1612.01105, section 3.3); it has
    no part in a prediction. From here on the backbone hands its map over.

    Raises:
        UserError: for a backbone that has no map for it.
    """
    if backbone.auxiliary_channels is None:
        raise UserError("auxiliary: only a ResNet has a stage for an auxiliary head: leave it out")
    backbone.extras.add(AUXILIARY)
    filters = max(1, backbone.auxiliary_channels // 4)
    head = nn.Sequential(
        conv_bn_relu(backbone.auxiliary_channels, filters, 3),
        nn.Dropout(AUXILIARY_DROPOUT),
        nn.Conv2d(filters, classes, 1),
    )
    initialise(head)
    return head
