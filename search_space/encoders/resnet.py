"""ResNet (He et al. 2015, arXiv 1512.03385) as an encoder, with the stride of a bottleneck block on
its 3x3 convolution, as torchvision builds it.
Standard library only, so that an exported network can carry this file along.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from search_space.resnet import BOTTLENECK_EXPANSION, Stage, resnet_stages

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Of the colours of ImageNet's photographs, on a scale of 0 to 1, as torchvision's weights expect
them."""


@dataclass(frozen=True)
class ResNet:
    """``block`` is the type of its blocks, ``blocks`` their number in each of the four stages.
    ``mean`` and ``std`` bring an image, on a scale of 0 to 1, to what the weights expect. Weights
    come in a file: the state dict of torchvision's network ``torchvision``."""

    name: str
    title: str
    block: str
    blocks: tuple[int, int, int, int]
    torchvision: str
    paper: str = "arXiv 1512.03385"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    stem_level: ClassVar[int] = 2

    @property
    def levels(self) -> dict[int, Stage]:
        """Level -> the stage that leads to its map from that of the level before; the first reads
        the stem, a 7x7 convolution and a max-pool."""
        return {stage.level: stage for stage in resnet_stages(self.blocks)}

    @property
    def channels(self) -> dict[int, int]:
        """Level -> channels of its map, finest level first."""
        wider = BOTTLENECK_EXPANSION if self.block == "bottleneck" else 1
        return {level: wider * stage.filters for level, stage in self.levels.items()}


RESNETS = (
    ResNet("resnet-18", "ResNet-18", "residual", (2, 2, 2, 2), "resnet18"),
    ResNet("resnet-34", "ResNet-34", "residual", (3, 4, 6, 3), "resnet34"),
    ResNet("resnet-50", "ResNet-50", "bottleneck", (3, 4, 6, 3), "resnet50"),
    ResNet("resnet-101", "ResNet-101", "bottleneck", (3, 4, 23, 3), "resnet101"),
)
