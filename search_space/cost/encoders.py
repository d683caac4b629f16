"""What an encoder costs, level by level, and how much of a map the next one reads."""

from __future__ import annotations

from search_space.cost import pieces
from search_space.encoders import EncoderSpec, ResNet
from search_space.nodes import Size
from search_space.resnet import STAGE_FILTERS
from search_space.tape import Piece


def stem(spec: EncoderSpec, image: Size, channels: int) -> Piece:
    """What an image of so many channels goes through before the first level."""
    if isinstance(spec, ResNet):
        return pieces.stem(STAGE_FILTERS[0], image, channels)
    return pieces.lite_stem(image, channels)


def stage(spec: EncoderSpec, level: int, channels: int, size: Size) -> Piece:
    """From the map of the level before, of so many channels and this size, or from the stem's, to
    the map of the level."""
    first = level == min(spec.levels)
    if isinstance(spec, ResNet):
        made = spec.levels[level]
        return pieces.blocks(
            spec.block,
            channels,
            made.filters,
            size,
            made.blocks,
            stride=made.stride,
            kept=not first,  # a max-pool keeps what it reads, a rectified map is kept
        )
    return pieces.inverted(spec.levels[level], channels, size, kept=first)


def reach(spec: EncoderSpec, level: int) -> int:
    """Pixels to each side that the widest kernel of a level reads on its map."""
    if isinstance(spec, ResNet):
        return spec.levels[level].dilation
    return max(stage.kernel for stage in spec.levels[level]) // 2
