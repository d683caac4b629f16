"""The spec of the baseline backbone: a ResNet whose last stages trade stride for dilation."""

from __future__ import annotations

from dataclasses import dataclass

from search_space.errors import UserError


@dataclass(frozen=True)
class DilatedResNet:
    """Bottleneck ResNet as DeepLabv3 dilates it (arXiv 1706.05587, section 3.1).

    ``stages`` counts the blocks of levels 2 to 5; ``output_stride`` is the image size over the
    size of the last map: 32 (no dilation), 16 (last stage dilated) or 8 (last two).

    Raises:
        UserError: for another number of stages or another stride.
    """

    stages: tuple[int, ...] = (3, 4, 6, 3)
    output_stride: int = 16

    def __post_init__(self) -> None:
        if len(self.stages) != 4 or min(self.stages) < 1:
            raise UserError(f"stages: four counts of at least 1 but got {list(self.stages)}")
        if self.output_stride not in (8, 16, 32):
            raise UserError(f"output_stride: must be 8, 16 or 32 but got {self.output_stride}")
