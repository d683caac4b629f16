"""What the recurring parts of a backbone cost: stem, blocks, connections.

Each function walks through the layers that the network of the same name builds. There are few
different ones in a search space, so that they are remembered: the cost of an architecture is then
little more than a sum.
"""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import Any

from search_space.architecture import ATTRIBUTES, Block, Feature
from search_space.encoders.efficientnet_lite import LITE_STEM_FILTERS, InvertedStage
from search_space.nodes import Size
from search_space.scales import Scale
from search_space.shapes import (
    block_channels,
    block_filters,
    block_repeats,
    level_size,
    map_channels,
    resample_filters,
)
from search_space.tape import Map, Piece, Tape

Kind = tuple[Any, ...]
"""What the cost of a block hangs on: its values of the attributes that change it."""

_COSTED = tuple(each.name for each in ATTRIBUTES if each.changes != "values")
_of_block = attrgetter(*_COSTED)


def kind_of(block: Block) -> Kind:
    """An encoder's map is one of a kind."""
    return (block,) if isinstance(block, Feature) else _of_block(block)


_remembered = lru_cache(maxsize=1 << 14)


@_remembered
def shrunk(image: Size, channels: int, size: Size) -> Piece:
    """An image, brought to the size that the network sees."""
    tape = Tape()
    return tape.piece(tape.shrunk(tape.source(channels, image, image=True), size))


@_remembered
def stem(filters: int, image: Size, channels: int) -> Piece:
    """7x7 convolution of stride 2 and a max-pool: an image becomes a map of level 2."""
    tape = Tape()
    x = tape.source(channels, image, image=True)
    return tape.piece(tape.pool(tape.conv_norm_relu(x, filters, 7, stride=2)))


@_remembered
def lite_stem(image: Size, channels: int) -> Piece:
    """3x3 convolution of stride 2: an image becomes a map of level 1."""
    tape = Tape()
    x = tape.source(channels, image, image=True)
    return tape.piece(tape.conv_norm_relu(x, LITE_STEM_FILTERS, 3, stride=2))


@_remembered
def inverted(stages: tuple[InvertedStage, ...], channels: int, size: Size, *, kept: bool) -> Piece:
    """Inverted residual blocks in a row, from the map of a level to that of the next; ``kept`` as
    in Tape.source."""
    tape = Tape()
    x = tape.source(channels, size, kept=kept)
    for stage in stages:
        for position in range(stage.repeats):
            x = _inverted(tape, x, stage, stage.stride if position == 0 else 1)
    return tape.piece(x)


def _inverted(tape: Tape, x: Map, stage: InvertedStage, stride: int) -> Map:
    y = x
    if stage.expansion > 1:
        y = tape.conv_norm_relu(x, x.channels * stage.expansion, 1)
    y = tape.depthwise_norm_relu(y, stage.kernel, stride)
    y = tape.conv_norm(y, stage.channels, 1)
    return tape.add(x, y) if stride == 1 and x.channels == stage.channels else y


@_remembered
def blocks(
    kind: str,
    channels: int,
    filters: int,
    size: Size,
    repeats: int,
    *,
    stride: int = 1,
    separable: bool = False,
    summed: bool = False,
    kept: bool = True,
) -> Piece:
    """Blocks in a row, the first of which has the stride.

    Args:
        channels: of the map that they read, of ``size``.
        summed: whether what they read is a sum that is rectified first.
        kept: whether the maker of what they read keeps it (see Tape.source).
    """
    tape = Tape()
    x = tape.source(channels, size, kept=kept)
    if summed:
        x = tape.relu(x)
    for position in range(repeats):
        x = _block(tape, x, kind, filters, stride if position == 0 else 1, separable)
    return tape.piece(x)


def _block(tape: Tape, x: Map, kind: str, filters: int, stride: int, separable: bool) -> Map:
    channels = block_channels(kind, filters)
    if kind == "bottleneck":
        y = tape.conv_norm_relu(x, filters, 1)
        if separable:
            y = tape.depthwise_norm_relu(y, 3, stride)
        else:
            y = tape.conv_norm_relu(y, filters, 3, stride)
        y = tape.conv_norm(y, channels, 1)
    elif separable:
        y = tape.conv_norm_relu(tape.depthwise_norm_relu(x, 3, stride), filters, 1)
        y = tape.conv_norm(tape.depthwise_norm_relu(y, 3), channels, 1)
    else:
        y = tape.conv_norm_relu(x, filters, 3, stride)
        y = tape.conv_norm(y, channels, 3)
    if x.channels == channels and stride == 1:
        return tape.relu(x, y)
    return tape.relu(y, tape.conv_norm(x, channels, 1, stride))


def of_kind(kind: Kind) -> Block:
    """A block of this kind that reads nothing."""
    if isinstance(kind[0], Feature):
        return kind[0]
    return Block(**dict(zip(_COSTED, kind, strict=True)))


@_remembered
def body(
    scale: Scale, kind: Kind, channels: int, size: Size, *, summed: bool = False, kept: bool = True
) -> Piece:
    """A searched block without the connections to it; see ``blocks``."""
    block = of_kind(kind)
    return blocks(
        block.type,
        channels,
        block_filters(block, scale),
        size,
        block_repeats(block, scale),
        separable=block.separable,
        summed=summed,
        kept=kept,
    )


@_remembered
def merge(scale: Scale, image: Size, parents: tuple[Kind, ...], kind: Kind) -> tuple[Piece, ...]:
    """A block that sums its parents, as pieces: a connection from each, then the block itself."""
    block = of_kind(kind)
    connections = (_connection(scale, image, parent, kind) for parent in parents)
    channels, size = map_channels(block, scale), level_size(image, block.level)
    return *connections, body(scale, kind, channels, size, summed=True)


@_remembered
def _connection(scale: Scale, image: Size, source: Kind, target: Kind) -> Piece:
    """The last 1x1 convolution runs before the up-sampling, where it costs less."""
    parent, reader = of_kind(source), of_kind(target)
    tape, down = Tape(), reader.level - parent.level
    x = tape.source(map_channels(parent, scale), level_size(image, parent.level))
    filters = resample_filters(parent, scale)
    x = tape.conv_norm_relu(x, filters, 1)
    if down > 0:
        x = tape.conv_norm_relu(x, filters, 3, stride=2)
        for _ in range(down - 1):
            x = tape.pool(x)
    x = tape.conv_norm(x, map_channels(reader, scale), 1)
    if down < 0:
        x = tape.resize(x, level_size(image, reader.level))
    return tape.piece(x)


@_remembered
def auxiliary(channels: int, size: Size, classes: int) -> Piece:
    """The second head of a ResNet, in training: 3x3 convolution, dropout, the classes."""
    tape = Tape()
    x = tape.conv_norm_relu(tape.source(channels, size), max(1, channels // 4), 3)
    return tape.piece(tape.conv(tape.dropout(x), classes, 1, bias=True))
