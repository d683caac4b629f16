"""Encoders that give maps at several levels, and that come with weights which already know
something: how each is called, what it is made of, how it wants to see an image.

An encoder is registered by its name in ENCODERS. What a kind of encoder costs and sees is in
``search_space.cost.encoders``, its network in ``proxy_tasks.networks.encoders``. Nothing here needs
torch.
"""

from __future__ import annotations

from collections.abc import Mapping

from search_space.encoders.efficientnet_lite import (
    EFFICIENTNET_LITES,
    EfficientNetLite,
    InvertedStage,
)
from search_space.encoders.resnet import RESNETS, ResNet
from search_space.errors import UserError

__all__ = [
    "ENCODERS",
    "RESNETS",
    "EfficientNetLite",
    "EncoderSpec",
    "InvertedStage",
    "ResNet",
    "encoder",
]

EncoderSpec = EfficientNetLite | ResNet

ENCODERS: Mapping[str, EncoderSpec] = {spec.name: spec for spec in (*EFFICIENTNET_LITES, *RESNETS)}
"""By the name that configs and files have for it."""


def encoder(name: str) -> EncoderSpec:
    """Raises UserError, listing the names, for one that is not there."""
    if name not in ENCODERS:
        raise UserError(f"encoder: {name!r} is unknown: write one of {', '.join(ENCODERS)}")
    return ENCODERS[name]
