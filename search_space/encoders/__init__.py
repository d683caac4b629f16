"""Encoders that give maps at several levels, and that come with weights which already know
something: how each is called, what it is made of, how it wants to see an image.

Those that anybody may have are registered by their names in ENCODERS. Others are described in full
wherever they are used: a backbone of our own is ``search_space.backbone_encoder.BackboneEncoder``.
What a kind of encoder costs and sees is in ``search_space.cost``, its network in
``proxy_tasks.networks.encoders``, the names of its weights in ``proxy_tasks.networks.pretrained``.
Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

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


class EncoderSpec(Protocol):
    """What an architecture has to know of the encoder that it stands on. Frozen, hashable, and
    picklable: it travels with the architecture.

    Attributes:
        name: which network it is: equal for two encoders that are the same one.
        title: as people call it.
        mean, std: what brings an image, on a scale of 0 to 1, to what the weights expect, a number
            a channel; empty where that is as measured of the data.
        channels: level -> channels of its map, finest level first, from level 2 on. The map of
            level l has ceil(image size / 2**l) pixels.
    """

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def mean(self) -> tuple[float, ...]: ...

    @property
    def std(self) -> tuple[float, ...]: ...

    @property
    def channels(self) -> Mapping[int, int]: ...


ENCODERS: Mapping[str, EfficientNetLite | ResNet] = {
    spec.name: spec for spec in (*EFFICIENTNET_LITES, *RESNETS)
}
"""By the name that configs and files have for it."""


def encoder(name: str) -> EfficientNetLite | ResNet:
    """Raises UserError, listing the names, for one that is not there."""
    if name not in ENCODERS:
        raise UserError(f"encoder: {name!r} is unknown: write one of {', '.join(ENCODERS)}")
    return ENCODERS[name]
