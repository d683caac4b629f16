"""EfficientNet-Lite: EfficientNet (Tan and Le 2019, arXiv 1905.11946) with ReLU6 and without
squeeze-and-excitation, for devices that multiply whole numbers. Its stem keeps its width.

The plan of layers is that of tensorflow/tpu, models/official/efficientnet/lite.
Standard library only, so that an exported network can carry this file along.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

LITE_STEM_FILTERS = 32
LITE_EPSILON = 1e-3
"""Of every batch norm, as the weights were trained with."""
LITE_DIVISOR = 8
"""Filters are multiples of it."""


@dataclass(frozen=True)
class InvertedStage:
    """``repeats`` inverted residual blocks in a row (Sandler et al. 2018, arXiv 1801.04381): each
    widens its map ``expansion`` times, filters it channel by channel with a ``kernel``, and
    narrows it to ``channels``. The first has the ``stride``."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_LITE_STAGES = (
    InvertedStage(1, 3, 1, 1, 16),
    InvertedStage(2, 3, 2, 6, 24),
    InvertedStage(2, 5, 2, 6, 40),
    InvertedStage(3, 3, 2, 6, 80),
    InvertedStage(3, 5, 1, 6, 112),
    InvertedStage(4, 5, 2, 6, 192),
    InvertedStage(1, 3, 1, 6, 320),
)
"""Of EfficientNet-B0 (arXiv 1905.11946, table 1)."""


@dataclass(frozen=True)
class EfficientNetLite:
    """``width`` multiplies channels, ``depth`` repeats. ``mean`` and ``std`` bring an image, on a
    scale of 0 to 1, to what the weights expect."""

    name: str
    title: str
    width: float
    depth: float
    paper: str = "arXiv 1905.11946"
    mean: tuple[float, float, float] = (127 / 255,) * 3
    std: tuple[float, float, float] = (128 / 255,) * 3
    stem_level: ClassVar[int] = 1

    @property
    def stages(self) -> tuple[InvertedStage, ...]:
        """At this width and depth; the first and the last stage are never repeated."""
        last = len(_LITE_STAGES) - 1
        return tuple(
            InvertedStage(
                stage.repeats if index in (0, last) else math.ceil(self.depth * stage.repeats),
                stage.kernel,
                stage.stride,
                stage.expansion,
                _lite_channels(self.width * stage.channels),
            )
            for index, stage in enumerate(_LITE_STAGES)
        )

    @property
    def levels(self) -> dict[int, tuple[InvertedStage, ...]]:
        """Level -> the stages that lead to its map from that of the level before; the last of them
        gives the channels. Those of level 1 stand with level 2."""
        found: dict[int, tuple[InvertedStage, ...]] = {}
        level, run = 1, tuple[InvertedStage, ...]()
        for stage in self.stages:
            if stage.stride == 2 and level > 1:
                found[level], run = run, ()
            level += stage.stride == 2
            run = (*run, stage)
        return {**found, level: run}

    @property
    def channels(self) -> dict[int, int]:
        """Level -> channels of its map, finest level first."""
        return {level: stages[-1].channels for level, stages in self.levels.items()}


def _lite_channels(channels: float) -> int:
    """To the next multiple of LITE_DIVISOR, down by at most a tenth."""
    nearest = max(LITE_DIVISOR, int(channels + LITE_DIVISOR / 2) // LITE_DIVISOR * LITE_DIVISOR)
    return nearest + LITE_DIVISOR if nearest < 0.9 * channels else nearest


EFFICIENTNET_LITES = (
    EfficientNetLite("efficientnet-lite0", "EfficientNet-Lite0", 1.0, 1.0),
    EfficientNetLite("efficientnet-lite1", "EfficientNet-Lite1", 1.0, 1.1),
    EfficientNetLite("efficientnet-lite2", "EfficientNet-Lite2", 1.1, 1.2),
)
