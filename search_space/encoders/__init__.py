"""Encoders that give maps at several levels, and that come with weights which already know
something: how each is called, what it is made of, how it wants to see an image.

An encoder is registered by its name in ENCODERS; ``proxy_tasks.networks.encoders`` has the network
of its kind. Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping

from search_space.encoders.efficientnet_lite import (
    EFFICIENTNET_LITES,
    EfficientNetLite,
    InvertedStage,
)
from search_space.errors import UserError

__all__ = ["ENCODERS", "EfficientNetLite", "InvertedStage", "encoder"]

ENCODERS: Mapping[str, EfficientNetLite] = {lite.name: lite for lite in EFFICIENTNET_LITES}
"""By the name that configs and files have for it."""


def encoder(name: str) -> EfficientNetLite:
    """Raises UserError, listing the names, for one that is not there."""
    if name not in ENCODERS:
        raise UserError(f"encoder: {name!r} is unknown: write one of {', '.join(ENCODERS)}")
    return ENCODERS[name]
