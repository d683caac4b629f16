"""What an encoder costs, level by level, and how much of a map the next one reads.

One entry of LADDERS for each kind whose levels follow each other like rungs. An encoder that is a
backbone of our own has what that backbone costs, see ``search_space.cost.graph``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from search_space.cost import pieces
from search_space.encoders import EfficientNetLite, EncoderSpec, InvertedStage, ResNet
from search_space.nodes import Size
from search_space.resnet import STAGE_FILTERS
from search_space.tape import Piece

Ends = npt.NDArray[np.int64]
"""(2, windows): the last pixel before a window, and the negated first one behind it. Both shrink
as the window grows, and a 3x3 layer of stride 2 just doubles them."""
STEM_SCALE, STEM_REACH = 4, 2
"""Of the stem of a ResNet on ends: a 3x3 max-pool over a 7x7 convolution, both of stride 2."""


@dataclass(frozen=True)
class Images:
    """What an encoder is built for: the ``size`` of its images, their ``channels``, and the
    ``deepest`` of its levels that is built."""

    size: Size
    channels: int
    deepest: int


class Ladder(Protocol):
    """Costs and sight of encoders of one kind, from one level to the next."""

    def stem(self, spec: Any, images: Images) -> tuple[int, Piece]:
        """What images go through before the first level, and the level of its map."""
        ...

    def stage(self, spec: Any, level: int, before: Piece, images: Images) -> Piece:
        """From the map of the level before, or from the stem's, to the map of the level."""
        ...

    def asked(self, spec: Any, level: int, ends: Ends) -> Ends:
        """What windows on the map of a level ask of the level before, or of the stem's map."""
        ...

    def asked_of_image(self, spec: Any, ends: Ends) -> Ends:
        """What windows on the stem's map ask of the image."""
        ...

    def reach(self, spec: Any, level: int) -> int:
        """Pixels to each side that the widest kernel of a level reads on its map."""
        ...


class _ResNets:
    def stem(self, spec: ResNet, images: Images) -> tuple[int, Piece]:
        return 2, pieces.stem(STAGE_FILTERS[0], images.size, images.channels)

    def stage(self, spec: ResNet, level: int, before: Piece, images: Images) -> Piece:
        made = spec.levels[level]
        return pieces.blocks(
            spec.block,
            before.channels,
            made.filters,
            before.size,
            made.blocks,
            stride=made.stride,
            # A max-pool keeps what it reads, a rectified map is kept.
            kept=level > min(spec.levels),
        )

    def asked(self, spec: ResNet, level: int, ends: Ends) -> Ends:
        stage, reach = spec.levels[level], 1 if spec.block == "bottleneck" else 2
        ends = ends - (stage.blocks - 1) * reach
        if stage.stride == 1:
            return ends - reach
        return (ends - (reach - 1)) * stage.stride

    def asked_of_image(self, spec: ResNet, ends: Ends) -> Ends:
        return STEM_SCALE * ends - STEM_REACH

    def reach(self, spec: ResNet, level: int) -> int:
        return spec.levels[level].dilation


class _EfficientNetLites:
    def stem(self, spec: EfficientNetLite, images: Images) -> tuple[int, Piece]:
        return 1, pieces.lite_stem(images.size, images.channels)

    def stage(self, spec: EfficientNetLite, level: int, before: Piece, images: Images) -> Piece:
        kept = level == min(spec.levels)
        return pieces.inverted(spec.levels[level], before.channels, before.size, kept=kept)

    def asked(self, spec: EfficientNetLite, level: int, ends: Ends) -> Ends:
        return _through(ends, spec.levels[level])

    def asked_of_image(self, spec: EfficientNetLite, ends: Ends) -> Ends:
        return _halved(ends, 3)

    def reach(self, spec: EfficientNetLite, level: int) -> int:
        return max(stage.kernel for stage in spec.levels[level]) // 2


LADDERS: Mapping[type[Any], Ladder] = {
    EfficientNetLite: _EfficientNetLites(),
    ResNet: _ResNets(),
}
"""By the class of the encoder's spec."""


def ladder(spec: EncoderSpec) -> Ladder:
    """Of the spec's kind."""
    return LADDERS[type(spec)]


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
