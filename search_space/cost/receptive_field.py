"""How much of the image an output of a backbone can depend on.

What a pixel depends on is traced back from the output to the image, along every path at once: of
each block only the first and the last pixel that anything asks for are kept, as every layer here
reads further left for a pixel further left. The result is exact, for images whose sides are
multiples of the coarsest level's stride.

Nearest up-sampling copies a pixel to several, whose windows then differ by where they stand; so
the windows of all the places that differ are traced, side by side in one array. Rows and columns
of an image are alike, so one axis is enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from search_space.architecture import (
    MAX_LEVEL,
    MIN_LEVEL,
    ZOOM_STEPS,
    Architecture,
    Block,
    Feature,
)
from search_space.backbone import Backbone, zoom_of
from search_space.backbone_encoder import BackboneEncoder
from search_space.cost.encoders import STEM_REACH, STEM_SCALE, Ends, ladder
from search_space.encoders import EncoderSpec
from search_space.resnet import DilatedResNet

_NOTHING = 1 << 40
"""An end that asks for no pixel: tracing scales it by powers of two, and it stays beyond all."""
_COPIED = [np.array([[1 - 2**levels], [0]]) for levels in range(MAX_LEVEL)]
"""What makes the quotient of an end by 2**levels that of the pixel which is copied there."""


def receptive_fields(backbone: Backbone, repeats: int) -> Mapping[int, int]:
    """Output level -> side in pixels of the smallest square of the image that holds all that a
    pixel of the level's map can depend on, for the pixel for which it is largest, away from the
    border.

    ``repeats``: of each block, as the scale has it; a ResNet's are its own.
    """
    levels = (
        (backbone.plan[-1].level,)
        if isinstance(backbone, DilatedResNet)
        else backbone.output_levels
    )
    windows = _windows(levels, _coarsest(backbone))
    asked = {level: mine.ends for level, mine in windows.items()}
    sides: list[int] = (-1 - _asked_of_image(backbone, repeats, asked).sum(0)).tolist()
    zoom = zoom_of(backbone)
    seen = {level: max(sides[mine.columns]) for level, mine in windows.items()}
    return {level: _of_image(side, zoom) for level, side in seen.items()}


def _of_image(side: int, zoom: float) -> int:
    """Pixels of an image that a row of ``side`` pixels of its shrunk copy is interpolated from, for
    the row of which it is most (bilinear, between the centres of pixels)."""
    steps = round(ZOOM_STEPS * zoom)
    if steps == ZOOM_STEPS:
        return side
    # In units of 1 / (2 * steps) of a pixel; rows repeat after so many places.
    first = [(2 * place + 1) * ZOOM_STEPS - steps for place in range(steps)]
    last = [start + 2 * ZOOM_STEPS * (side - 1) for start in first]
    unit = 2 * steps
    return max(-(-end // unit) - start // unit + 1 for start, end in zip(first, last, strict=True))


def _coarsest(backbone: Backbone) -> int:
    """Of all maps on the way."""
    if isinstance(backbone, DilatedResNet):
        return backbone.plan[-1].level
    most = max(backbone.all_blocks[index].level for index in backbone.alive)
    spec = backbone.encoder_spec
    if isinstance(spec, BackboneEncoder):
        return max(most, _coarsest(spec.up_to(_deepest(backbone))))
    return most


def _deepest(architecture: Architecture) -> int:
    """The deepest map of its encoder that is used."""
    return max(architecture.stem[i].level for i in architecture.alive if i < len(architecture.stem))


class _Windows(NamedTuple):
    """Those of one level: their columns among all, and their ends in pixels of the level's map,
    where the windows of other levels ask for nothing."""

    columns: slice
    ends: Ends


@lru_cache(maxsize=256)
def _windows(levels: tuple[int, ...], coarsest: int) -> Mapping[int, _Windows]:
    """One window for each place that a level's pixels can have below one of the coarsest map."""
    counts = [2 ** (coarsest - level) for level in levels]
    windows, start = {}, 0
    for level, count in zip(levels, counts, strict=True):
        place, columns = np.arange(count), slice(start, start + count)
        ends = np.full((2, sum(counts)), _NOTHING)
        ends[:, columns] = place - 1, -place - 1
        windows[level] = _Windows(columns, ends)
        start += count
    return windows


def _asked_of_image(backbone: Backbone, repeats: int, asked: Mapping[int, Ends]) -> Ends:
    """What windows on the maps of a backbone, by level, ask of the image."""
    if isinstance(backbone, DilatedResNet):
        return STEM_SCALE * _asked_of_first(backbone, asked) - STEM_REACH
    of_blocks = {index: asked[level] for level, index in backbone.output_blocks.items()}
    return _asked_through(backbone, repeats, of_blocks)


def _asked_through(architecture: Architecture, repeats: int, asked: dict[int, Ends]) -> Ends:
    """What windows on the maps of blocks, by id, ask of the image."""
    blocks = architecture.all_blocks
    of_encoder: dict[int, Ends] = {}
    for index in sorted(architecture.alive, reverse=True):
        block = blocks[index]
        if isinstance(block, Feature):
            if index in asked:
                of_encoder[block.level] = asked[index]
            continue
        if index not in asked:  # of an encoder, whose maps are not all asked for
            continue
        ends = asked[index] - repeats * block.repeats * _reach(block)
        if index == 0:
            return STEM_SCALE * ends - STEM_REACH
        for parent in architecture.parents[index]:
            _ask(asked, parent, _traced(ends, block.level, blocks[parent].level))
        for other in architecture.absorbed.get(index, ()):
            _ask(asked, other, ends)
    assert architecture.encoder_spec is not None
    return _through_encoder(architecture.encoder_spec, of_encoder)


def _asked_of_first(resnet: DilatedResNet, asked: Mapping[int, Ends]) -> Ends:
    """What windows on the last map of a ResNet, and on that of its first stage, ask of its stem."""
    ends = asked.get(resnet.plan[-1].level)
    for number, stage in reversed(list(enumerate(resnet.plan))):
        if number == 0 and (low := asked.get(MIN_LEVEL)) is not None:
            ends = low if ends is None else np.minimum(ends, low)
        if ends is not None:
            ends = ends - (stage.blocks - 1) * stage.dilation
            ends = stage.stride * (ends + 1) - 1 - stage.first_dilation
    assert ends is not None
    return ends


def _ask(asked: dict[int, Ends], index: int, ends: Ends) -> None:
    before = asked.get(index)
    asked[index] = ends if before is None else np.minimum(before, ends)


def _reach(block: Block) -> int:
    """Pixels to each side that the 3x3 convolutions of one block read."""
    return block.dilation if block.type == "bottleneck" else 2 * block.dilation


def _through_encoder(spec: EncoderSpec, asked: Mapping[int, Ends]) -> Ends:
    """What windows on the maps of an encoder, by level, ask of the image."""
    if isinstance(spec, BackboneEncoder):
        built, repeats = spec.up_to(max(asked)), spec.scale.repeats
        if isinstance(built, DilatedResNet):
            return _asked_of_image(built, repeats, asked)
        return _asked_through(built, repeats, {spec.ends[n]: ends for n, ends in asked.items()})
    kind, ends = ladder(spec), None
    for level in sorted((n for n in spec.channels if n <= max(asked)), reverse=True):
        if (here := asked.get(level)) is not None:
            ends = here if ends is None else np.minimum(ends, here)
        assert ends is not None
        ends = kind.asked(spec, level, ends)
    assert ends is not None
    return kind.asked_of_image(spec, ends)


def _traced(ends: Ends, level: int, parent: int) -> Ends:
    """Through a connection: 3x3 layers of stride 2 on the way down, copies on the way up."""
    if parent < level:
        ends = ends << (level - parent)
    elif parent > level:
        ends = (ends + _COPIED[parent - level]) >> (parent - level)
    return ends
