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
import numpy.typing as npt

from search_space.architecture import MAX_LEVEL, Architecture, Block, Feature
from search_space.backbone import Backbone
from search_space.encoders import EfficientNetLite, EncoderSpec, InvertedStage, ResNet, encoder
from search_space.resnet import DilatedResNet

Ends = npt.NDArray[np.int64]
"""(2, windows): the last pixel before a window, and the negated first one behind it. Both shrink
as the window grows, and a 3x3 layer of stride 2 just doubles them."""

_NOTHING = 1 << 40
"""An end that asks for no pixel: tracing scales it by powers of two, and it stays beyond all."""
_COPIED = [np.array([[1 - 2**levels], [0]]) for levels in range(MAX_LEVEL)]
"""What makes the quotient of an end by 2**levels that of the pixel which is copied there."""
_STEM_SCALE, _STEM_REACH = 4, 2
"""Of the stem on ends: a 3x3 max-pool over a 7x7 convolution, both of stride 2."""


def receptive_fields(backbone: Backbone, repeats: int) -> Mapping[int, int]:
    """Output level -> side in pixels of the smallest square of the image that holds all that a
    pixel of the level's map can depend on, for the pixel for which it is largest, away from the
    border.

    ``repeats``: of each block, as the scale has it; a ResNet's are its own.
    """
    if isinstance(backbone, DilatedResNet):
        return _of_resnet(backbone)
    coarsest = max(backbone.all_blocks[index].level for index in backbone.alive)
    windows = _windows(backbone.output_levels, coarsest)
    asked = _asked_of_stem(backbone, repeats, windows)
    lite = backbone.encoder and isinstance(encoder(backbone.encoder), EfficientNetLite)
    ends = _halved(asked, 3) if lite else _STEM_SCALE * asked - _STEM_REACH
    sides: list[int] = (-1 - ends.sum(0)).tolist()
    return {level: max(sides[mine.columns]) for level, mine in windows.items()}


def _of_resnet(resnet: DilatedResNet) -> Mapping[int, int]:
    end = -1
    for stage in reversed(resnet.plan):
        end -= (stage.blocks - 1) * stage.dilation
        end = stage.stride * (end + 1) - 1 - stage.first_dilation
    return {resnet.plan[-1].level: -1 - 2 * (_STEM_SCALE * end - _STEM_REACH)}


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


def _asked_of_stem(
    architecture: Architecture, repeats: int, windows: Mapping[int, _Windows]
) -> Ends:
    """What all windows ask of the map that the first block, or the encoder's first stage, reads."""
    blocks = architecture.all_blocks
    asked = {index: windows[level].ends for level, index in architecture.output_blocks.items()}
    for index in sorted(architecture.alive, reverse=True):
        if isinstance(block := blocks[index], Feature):
            ends = _through_encoder(asked[index], encoder(block.encoder), block.level)
            if index == 0:
                return ends
            _ask(asked, index - 1, ends)
            continue
        ends = asked[index] - repeats * _reach(blocks[index])
        if index == 0:
            return ends
        level = blocks[index].level
        for parent in architecture.parents[index]:
            _ask(asked, parent, _traced(ends, level, blocks[parent].level))
        for other in architecture.absorbed.get(index, ()):
            _ask(asked, other, ends)
    raise AssertionError("every block descends from the first")


def _ask(asked: dict[int, Ends], index: int, ends: Ends) -> None:
    before = asked.get(index)
    asked[index] = ends if before is None else np.minimum(before, ends)


def _reach(block: Block) -> int:
    """Pixels to each side that the 3x3 convolutions of one block read."""
    return block.dilation if block.type == "bottleneck" else 2 * block.dilation


def _through_encoder(ends: Ends, spec: EncoderSpec, level: int) -> Ends:
    """From the map of a level to that of the level before."""
    if not isinstance(spec, ResNet):
        return _through(ends, spec.levels[level])
    stage, reach = spec.levels[level], 1 if spec.block == "bottleneck" else 2
    ends = ends - (stage.blocks - 1) * reach
    if stage.stride == 1:
        return ends - reach
    return (ends - (reach - 1)) * stage.stride


def _through(ends: Ends, stages: tuple[InvertedStage, ...]) -> Ends:
    """Of inverted residual blocks, which read with one kernel each."""
    for stage in reversed(stages):
        ends = ends - (stage.repeats - 1) * (stage.kernel // 2)
        ends = _halved(ends, stage.kernel) if stage.stride == 2 else ends - stage.kernel // 2
    return ends


def _halved(ends: Ends, kernel: int) -> Ends:
    """Of a layer of stride 2 with TensorFlow's padding: the odd pixel of it lies behind."""
    left = (kernel - 2) // 2
    halved: Ends = 2 * ends + np.array([[1 - left], [left + 2 - kernel]])
    return halved


def _traced(ends: Ends, level: int, parent: int) -> Ends:
    """Through a connection: 3x3 layers of stride 2 on the way down, copies on the way up."""
    if parent < level:
        ends = ends << (level - parent)
    elif parent > level:
        ends = (ends + _COPIED[parent - level]) >> (parent - level)
    return ends
