"""A backbone that learns another network's maps."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from proxy_tasks.networks.blocks import Encoder, initialise


class FeatureStudent(nn.Module):
    """A backbone, and for each level a 1x1 convolution to the teacher's channels: the regressor of
    FitNets (Romero et al. 2015, arXiv 1412.6550, section 2.2).

    ``mean_L`` and ``std_L`` are the moments of the teacher's channels at level L, which predictions
    are measured against: each channel counts alike, whatever its spread.
    """

    def __init__(self, backbone: Encoder, channels: Mapping[int, int]) -> None:
        """``channels``: level -> those of the teacher's map, for levels that both have."""
        super().__init__()
        self.backbone = backbone
        self.projections = nn.ModuleDict(
            {
                str(level): nn.Conv2d(backbone.out_channels[level], c, 1)
                for level, c in channels.items()
            }
        )
        initialise(self)
        for level, count in channels.items():
            self.register_buffer(f"mean_{level}", torch.zeros(count))
            self.register_buffer(f"std_{level}", torch.ones(count))
            nn.init.zeros_(self.get_parameter(f"projections.{level}.weight"))  # as a constant

    def forward(self, x_BCHW: Tensor) -> dict[int, Tensor]:
        """Images -> level -> what the teacher's map would be, standardised, (B, c, h, w)."""
        maps = self.backbone(x_BCHW)
        return {int(name): made(maps[int(name)]) for name, made in self.projections.items()}

    def moments(self, level: int) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the teacher's channels."""
        return self.get_buffer(f"mean_{level}"), self.get_buffer(f"std_{level}")

    def standardised(self, level: int, map_BCHW: Tensor) -> Tensor:
        """A map of the teacher's, each channel with mean 0 and deviation 1 over training images."""
        mean_C, std_C = (row[:, None, None] for row in self.moments(level))
        return (map_BCHW.float() - mean_C) / std_C
