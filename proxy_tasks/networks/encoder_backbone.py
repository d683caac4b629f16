"""Scale-permuted blocks on the maps of an encoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from proxy_tasks.networks.backbone import MergeBlock
from proxy_tasks.networks.blocks import LOW_LEVEL, Encoder
from proxy_tasks.networks.level_encoder import LevelEncoder
from proxy_tasks.networks.resample import shrunk
from search_space.architecture import Architecture
from search_space.canonical_form import canonical_form
from search_space.scales import Scale
from search_space.shapes import level_size, map_channels

Network = Callable[[Any, int, int], LevelEncoder]
"""The network of an encoder: of its spec, for images of so many channels, up to a level."""


class EncoderBackbone(Encoder):
    """An encoder, and the live blocks of an architecture that stands on it; there may be none.

    The low-level map is the encoder's finest. ``alpha``, ``filters`` and ``repeats`` of the scale
    apply to the blocks alone. ``network`` makes the encoder's.
    """

    def __init__(self, architecture: Architecture, scale: Scale, network: Network) -> None:
        super().__init__()
        self.zoom = architecture.zoom
        blocks, stem = architecture.all_blocks, len(architecture.stem)
        order = canonical_form(architecture).order
        deepest = max(blocks[index].level for index in order if index < stem)
        self.encoder = network(architecture.encoder_spec, scale.channels, deepest)
        self.ids = {blocks[index].level: index for index in order if index < stem}
        self.blocks = nn.ModuleDict(
            {str(i): MergeBlock(architecture, i, scale) for i in order if i >= stem}
        )
        self.output_blocks = dict(architecture.output_blocks)
        self.out_channels = {
            level: map_channels(blocks[index], scale) for level, index in self.output_blocks.items()
        }
        self.low_channels = map_channels(blocks[0], scale)

    def forward(self, x_BCHW: Tensor) -> dict[int, Tensor]:
        """Images -> level -> map of ``out_channels[level]`` channels, finest level first; then
        what is in ``extras``."""
        x_BCHW = shrunk(x_BCHW, self.zoom)
        image_size = (x_BCHW.shape[2], x_BCHW.shape[3])
        features = {self.ids[level]: x for level, x in self.maps(x_BCHW).items()}
        for name, block in self.blocks.items():
            assert isinstance(block, MergeBlock)
            features[int(name)] = block(features, level_size(image_size, block.level))
        outputs = {level: features[index] for level, index in self.output_blocks.items()}
        return outputs | ({LOW_LEVEL: features[0]} if LOW_LEVEL in self.extras else {})

    def maps(self, x_BCHW: Tensor) -> dict[int, Tensor]:
        """Images -> level -> map of the encoder."""
        found: dict[int, Tensor] = self.encoder(x_BCHW)
        return found
