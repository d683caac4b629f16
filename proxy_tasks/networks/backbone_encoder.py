"""A backbone of our own (see search_space.backbone_encoder) as an encoder of several levels.

Shapes: B images, C channels, H x W pixels of the map.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from proxy_tasks.networks.blocks import LOW_LEVEL, Encoder
from proxy_tasks.networks.encoder_backbone import EncoderBackbone, Network
from proxy_tasks.networks.level_encoder import LevelEncoder
from search_space.backbone_encoder import BackboneEncoder
from search_space.scales import Scale

Built = Callable[[Any, Scale], Encoder]
"""The network of a backbone at a scale."""


class OwnEncoder(LevelEncoder):
    """The backbone as far as the maps up to level ``deepest`` need it, for images of so many
    ``channels``. ``built`` makes its network."""

    def __init__(self, spec: BackboneEncoder, channels: int, deepest: int, built: Built) -> None:
        super().__init__()
        scale = replace(spec.scale, channels=channels)
        self.backbone = built(spec.up_to(deepest), scale)
        self.maps = [level for level in spec.channels if level <= deepest]
        if self.maps[0] not in self.backbone.out_channels:
            self.backbone.extras.add(LOW_LEVEL)

    def forward(self, x_BCHW: Tensor) -> dict[int, Tensor]:
        """Level -> map."""
        found = self.backbone(x_BCHW)
        low = found.get(LOW_LEVEL)
        return {level: found.get(level, low) for level in self.maps}

    def depends(self) -> dict[int, Mapping[str, Tensor]]:
        """Finer maps may read coarser ones: all of it stands with the first."""
        first, *others = self.maps
        return {first: self.state_dict(), **{level: {} for level in others}}


def on_backbone(built: Built) -> Network:
    """What makes the network of an encoder that is a backbone which ``built`` makes."""
    return lambda spec, channels, deepest: OwnEncoder(spec, channels, deepest, built)


def on_encoder(network: Network) -> Built:
    """What makes the network of a backbone on an encoder that ``network`` makes."""
    return lambda architecture, scale: EncoderBackbone(architecture, scale, network)
