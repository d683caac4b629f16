"""The stages of a ResNet, and the spec of the baseline backbone: one whose last stages trade stride
for dilation."""

from __future__ import annotations

from dataclasses import dataclass

from search_space.errors import UserError
from search_space.scales import DEEPLABV3, DEEPLABV3_PLUS

BOTTLENECK_EXPANSION = 4
"""A bottleneck block puts out four times its filters (arXiv 1512.03385)."""
STAGE_FILTERS = (64, 128, 256, 512)
"""Filters of the four stages at width 1, before the expansion (arXiv 1512.03385, table 1)."""


@dataclass(frozen=True)
class Stage:
    """Bottleneck blocks in a row; the first has the ``stride``, and a dilation of its own.

    ``level``: of the map that it puts out.
    """

    level: int
    filters: int
    blocks: int
    stride: int
    first_dilation: int
    dilation: int


def resnet_stages(counts: tuple[int, ...], output_stride: int = 32) -> tuple[Stage, ...]:
    """The four stages at width 1, of so many blocks each.

    The first block of a dilated stage keeps the dilation of the stage before: it reads a map of
    that sampling, as the strided block did whose place it takes.
    """
    level, dilation = 2, 1
    stages = [Stage(level, STAGE_FILTERS[0], counts[0], 1, 1, 1)]
    for filters, blocks in zip(STAGE_FILTERS[1:], counts[1:], strict=True):
        before, strided = dilation, 2**level < output_stride
        level, dilation = (level + 1, dilation) if strided else (level, dilation * 2)
        stages.append(Stage(level, filters, blocks, 2 if strided else 1, before, dilation))
    return tuple(stages)


@dataclass(frozen=True)
class DilatedResNet:
    """Bottleneck ResNet as DeepLabv3 dilates it (arXiv 1706.05587, section 3.1).

    ``stages`` counts the blocks of the four stages; ``output_stride`` is the image size over the
    size of the last map: 32 (no dilation), 16 (last stage dilated) or 8 (last two). ``head`` is
    the baseline's own, whatever the head of the scale.

    Raises:
        UserError: for another number of stages, another stride or another head.
    """

    stages: tuple[int, ...] = (3, 4, 6, 3)
    output_stride: int = 16
    head: str = DEEPLABV3

    def __post_init__(self) -> None:
        if len(self.stages) != 4 or min(self.stages) < 1:
            raise UserError(f"stages: four counts of at least 1 but got {list(self.stages)}")
        if self.output_stride not in (8, 16, 32):
            raise UserError(f"output_stride: must be 8, 16 or 32 but got {self.output_stride}")
        if self.head not in (DEEPLABV3, DEEPLABV3_PLUS):
            raise UserError(f"head: must be {DEEPLABV3} or {DEEPLABV3_PLUS} but got {self.head!r}")

    @property
    def plan(self) -> tuple[Stage, ...]:
        """The four stages at width 1."""
        return resnet_stages(self.stages, self.output_stride)
