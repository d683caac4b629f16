"""The network of each kind of encoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy_tasks.networks.efficientnet_lite import EfficientNetLiteEncoder
from proxy_tasks.networks.level_encoder import LevelEncoder
from proxy_tasks.networks.resnet_encoder import ResNetEncoder
from search_space.encoders import EncoderSpec
from search_space.encoders.efficientnet_lite import EfficientNetLite
from search_space.encoders.resnet import ResNet

ENCODER_NETWORKS: Mapping[type[Any], type[Any]] = {
    EfficientNetLite: EfficientNetLiteEncoder,
    ResNet: ResNetEncoder,
}
"""Class of an encoder's spec -> class of its network."""


def encoder_network(spec: EncoderSpec, channels: int, deepest: int) -> LevelEncoder:
    """For images of so many ``channels``, up to the level ``deepest``; random weights."""
    network: LevelEncoder = ENCODER_NETWORKS[type(spec)](spec, channels, deepest)
    return network
