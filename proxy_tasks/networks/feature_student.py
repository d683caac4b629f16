"""What learns another network's maps, and is thrown away when it has: 1x1 projections."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from proxy_tasks.networks.blocks import Encoder, initialise


class FeatureProjections(nn.Module):
    """For each level of a teacher a 1x1 convolution to its channels: the regressor of FitNets
    (Romero et al. 2015, arXiv 1412.6550, section 2.2).

    ``mean_L`` and ``std_L`` are the moments of the teacher's channels at level L, which predictions
    are measured against: each channel counts alike, whatever its spread. An untaught projection
    says what a constant would; nothing of it is random.
    """

    def __init__(self, channels: Mapping[int, tuple[int, int]]) -> None:
        """``channels``: level -> those of the student's map, and of the teacher's."""
        super().__init__()
        self._add(channels)

    def _add(self, channels: Mapping[int, tuple[int, int]]) -> None:
        self.projections = nn.ModuleDict(
            {str(level): nn.Conv2d(own, count, 1) for level, (own, count) in channels.items()}
        )
        for level, (_, count) in channels.items():
            self.register_buffer(f"mean_{level}", torch.zeros(count))
            self.register_buffer(f"std_{level}", torch.ones(count))
            for name in ("weight", "bias"):
                nn.init.zeros_(self.get_parameter(f"projections.{level}.{name}"))

    def projected(self, maps: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Level of the teacher -> what its map would be, standardised, (B, c, h, w); of the
        student's map for each."""
        return {int(name): made(maps[int(name)]) for name, made in self.projections.items()}

    def moments(self, level: int) -> tuple[Tensor, Tensor]:
        """Mean and deviation of the teacher's channels."""
        return self.get_buffer(f"mean_{level}"), self.get_buffer(f"std_{level}")

    def set_moments(self, found: Mapping[int, tuple[Tensor, Tensor]]) -> None:
        """Of each level: they are kept with the weights."""
        for level, (mean_C, std_C) in found.items():
            mean, std = self.moments(level)
            mean.copy_(mean_C)
            std.copy_(std_C)

    def standardised(self, level: int, map_BCHW: Tensor) -> Tensor:
        """A map of the teacher's, each channel with mean 0 and deviation 1 over training images."""
        mean_C, std_C = (row[:, None, None] for row in self.moments(level))
        return (map_BCHW.float() - mean_C) / std_C


class FeatureStudent(FeatureProjections):
    """A backbone with its projections."""

    def __init__(self, backbone: Encoder, channels: Mapping[int, int]) -> None:
        """``channels``: level -> those of the teacher's map, for levels that both have."""
        nn.Module.__init__(self)
        self.backbone = backbone
        self._add({level: (backbone.out_channels[level], c) for level, c in channels.items()})
        initialise(self.backbone)

    def forward(self, x_BCHW: Tensor) -> dict[int, Tensor]:
        """Images -> level -> what the teacher's map would be, standardised, (B, c, h, w)."""
        return self.projected(self.backbone(x_BCHW))
