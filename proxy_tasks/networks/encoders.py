"""The network of each kind of encoder, and of each kind of backbone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proxy_tasks.networks.backbone import ScalePermutedBackbone
from proxy_tasks.networks.backbone_encoder import OwnEncoder
from proxy_tasks.networks.blocks import Encoder
from proxy_tasks.networks.efficientnet_lite import EfficientNetLiteEncoder
from proxy_tasks.networks.encoder_backbone import EncoderBackbone
from proxy_tasks.networks.level_encoder import LevelEncoder
from proxy_tasks.networks.resnet import DilatedResNetBackbone
from proxy_tasks.networks.resnet_encoder import ResNetEncoder
from search_space.backbone import Backbone
from search_space.backbone_encoder import BackboneEncoder
from search_space.encoders import EncoderSpec
from search_space.encoders.efficientnet_lite import EfficientNetLite
from search_space.encoders.resnet import ResNet
from search_space.resnet import DilatedResNet
from search_space.scales import Scale

ENCODER_NETWORKS: Mapping[type[Any], type[Any]] = {
    EfficientNetLite: EfficientNetLiteEncoder,
    ResNet: ResNetEncoder,
}
"""Class of an encoder's spec -> class of its network. A backbone of ours is an OwnEncoder."""


def encoder_network(spec: EncoderSpec, channels: int, deepest: int) -> LevelEncoder:
    """For images of so many ``channels``, up to the level ``deepest``; random weights."""
    if isinstance(spec, BackboneEncoder):
        return OwnEncoder(spec, channels, deepest, backbone_network)
    network: LevelEncoder = ENCODER_NETWORKS[type(spec)](spec, channels, deepest)
    return network


def backbone_network(backbone: Backbone, scale: Scale) -> Encoder:
    """The plain network of a backbone at a scale; random weights."""
    if isinstance(backbone, DilatedResNet):
        return DilatedResNetBackbone(backbone, scale)
    if backbone.encoder_spec:
        return EncoderBackbone(backbone, scale, encoder_network)
    return ScalePermutedBackbone(backbone, scale)
