"""Sizes, channels and rates: the arithmetic that networks and their analytic cost share."""

from __future__ import annotations

from search_space.architecture import ZOOM_STEPS, Block, Feature
from search_space.resnet import BOTTLENECK_EXPANSION
from search_space.scales import Scale

PUBLISHED_RATE, PUBLISHED_MAP = 6, 33
"""Smallest atrous rate, and pixels of the map it was published for: 513 at output stride 16."""


def level_size(size: tuple[int, int], level: int) -> tuple[int, int]:
    """(height, width) of a level's map for an image of this size: ceil(size / 2**level)."""
    stride = 2**level
    return (size[0] + stride - 1) // stride, (size[1] + stride - 1) // stride


def zoomed(size: tuple[int, int], zoom: float) -> tuple[int, int]:
    """(height, width) of an image of this size that is shrunk to ``zoom`` of its sides: ceil, in
    whole numbers, as sizes may be symbols while a network is traced."""
    steps = round(ZOOM_STEPS * zoom)
    height, width = ((side * steps + ZOOM_STEPS - 1) // ZOOM_STEPS for side in size)
    return height, width


def before_zoom(side: int, zoom: float) -> int:
    """Pixels of the smallest side that is ``side`` pixels long once it is shrunk."""
    return (side - 1) * ZOOM_STEPS // round(ZOOM_STEPS * zoom) + 1


def block_channels(kind: str, filters: int) -> int:
    """Channels that a block of this type puts out."""
    return filters * BOTTLENECK_EXPANSION if kind == "bottleneck" else filters


def block_filters(block: Block, scale: Scale) -> int:
    """Filters of a block before a bottleneck's fourfold expansion; of an encoder's map its own."""
    if isinstance(block, Feature):
        return block.channels
    return scale.level_filters(block.level, block.width)


def block_repeats(block: Block, scale: Scale) -> int:
    """How many blocks stand in a row."""
    return scale.repeats * block.repeats


def map_channels(block: Block, scale: Scale) -> int:
    """Channels of the map that a block puts out."""
    return block_channels(block.type, block_filters(block, scale))


def resample_filters(source: Block, scale: Scale) -> int:
    """Filters of a connection that leaves a block."""
    return max(1, int(block_filters(source, scale) * scale.alpha))


def aspp_rates(size: tuple[int, int], stride: int) -> tuple[int, int, int]:
    """Atrous rates that cover the same part of the map as the published ones.

    6, 12, 18 for an image of 513 pixels at output stride 16 and 12, 24, 36 at stride 8
    (DeepLabv3, arXiv 1706.05587); in proportion to the map's shorter side elsewhere, always in
    the ratio 1 : 2 : 3, at least 1. A rate beyond the map's size would read nothing but padding.

    Args:
        size: (height, width) of the image in pixels.
        stride: of the map that ASPP reads; it has ceil(size / stride) pixels.
    """
    shorter = (min(size) + stride - 1) // stride
    rate = max(1, round(PUBLISHED_RATE * shorter / PUBLISHED_MAP))
    return rate, 2 * rate, 3 * rate
