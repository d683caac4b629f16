"""From a spec to a network: backbones and the heads that read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import nn

from proxy_tasks.networks.blocks import Encoder
from proxy_tasks.networks.classifier import Classifier
from proxy_tasks.networks.deeplab import DeepLabV3
from proxy_tasks.networks.deeplab_plus import DeepLabV3Plus
from proxy_tasks.networks.encoders import backbone_network, encoder_network
from proxy_tasks.networks.fpn import FPNHead
from proxy_tasks.networks.frozen_features import TrainedEncoderBackbone
from proxy_tasks.networks.segmenter import Segmenter
from search_space.architecture import Architecture
from search_space.backbone import Backbone, encoder_of, head_of, scale_of, seen_size
from search_space.errors import UserError
from search_space.heads import HEADS, segmenting
from search_space.scales import DEEPLABV3, DEEPLABV3_PLUS, FPN, Scale

__all__ = [
    "SEGMENTERS",
    "Classifier",
    "DeepLabV3",
    "DeepLabV3Plus",
    "Segmenter",
    "build",
    "build_backbone",
    "build_classifier",
    "build_segmenter",
    "channels_last",
]

Network = TypeVar("Network", bound=nn.Module)

SEGMENTERS: Mapping[str, type[Any]] = {
    DEEPLABV3: DeepLabV3,
    DEEPLABV3_PLUS: DeepLabV3Plus,
    FPN: FPNHead,
}
"""Head -> network, each as Segmenter says; search_space.heads has its declaration."""


def build(
    backbone: Backbone,
    scale: Scale,
    classes: int,
    size: tuple[int, int],
    auxiliary: bool = False,
) -> Segmenter | Classifier:
    """The network for images of about (height, width) pixels; any size runs.

    A baseline has its own head, an architecture the scale's (see head_of). ``size`` only sets the
    head's atrous rates. Weights come from torch's global generator: seed it for a
    reproducible start; an auxiliary head leaves those of the rest as they would be without.

    Raises:
        UserError: for an auxiliary head where there is no ResNet.
    """
    if HEADS[head_of(backbone, scale)].pixels:
        return build_segmenter(backbone, scale, classes, size, auxiliary)
    if auxiliary:
        raise UserError("auxiliary: a classifier has no auxiliary head: leave it out")
    return build_classifier(backbone, scale, classes)


def build_classifier(backbone: Backbone, scale: Scale, classes: int) -> Classifier:
    """What classifies whole images, whatever the scale's head."""
    return Classifier(build_backbone(backbone, scale), classes, scale_of(backbone, scale))


def build_segmenter(
    backbone: Backbone,
    scale: Scale,
    classes: int,
    size: tuple[int, int],
    auxiliary: bool = False,
) -> Segmenter:
    """As ``build``, for what labels pixels.

    Raises:
        UserError: for a scale whose head classifies images, or as ``build``.
    """
    head = segmenting(backbone, scale)
    encoder = build_backbone(backbone, scale)
    rates = HEADS[head].rates(seen_size(backbone, size), 2 ** min(encoder.out_channels))
    own = scale_of(backbone, scale)
    network: Segmenter = SEGMENTERS[head](encoder, classes, own, rates, auxiliary)
    return network


def channels_last(network: Network) -> Network:
    """The network itself, in the memory format in which convolutions are fastest."""
    formatted: Network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return formatted


def build_backbone(backbone: Backbone, scale: Scale) -> Encoder:
    """Without a head."""
    if encoder_of(backbone):
        assert isinstance(backbone, Architecture)
        return TrainedEncoderBackbone(backbone, scale, encoder_network)
    return backbone_network(backbone, scale)
