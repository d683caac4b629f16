"""The published order of operations, literally: what the networks are timed and tested against.

SpineNet (arXiv 1912.05027, section 3.2) up-samples a parent first and widens it by the last 1x1
convolution at the large size; each sum is a new tensor, and the loss sees logits at the size of
the image. Same modules, same names, same weights as ours: only the order differs.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.networks.backbone import MergeBlock
from proxy_tasks.networks.blocks import BottleneckBlock, ResidualBlock
from proxy_tasks.networks.endpoints import Endpoints
from proxy_tasks.networks.resample import Resample


class LiteralMergeBlock(MergeBlock):
    """Every parent to the block's size and width, then the sum, the ReLU and the block."""

    def forward(self, features: dict[int, Tensor], size: tuple[int, int]) -> Tensor:
        """As MergeBlock."""
        parts = [
            _resampled(features[parent], resample, size)
            for parent, resample in zip(self.parents, self.resamples.values(), strict=True)
        ]
        total = parts[0] + parts[1]
        for index in self.absorbed:
            total = total + features[index]
        return self.body(F.relu(total))


def _resampled(x_BCHW: Tensor, resample: nn.Module, size: tuple[int, int]) -> Tensor:
    assert isinstance(resample, Resample)
    x_BCHW = resample.down(resample.squeeze(x_BCHW))
    if x_BCHW.shape[2:] != size:
        x_BCHW = F.interpolate(x_BCHW, size=size, mode="nearest")
    return resample.expand(x_BCHW)


class LiteralResidualBlock(ResidualBlock):
    """The sum in a tensor of its own."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """As ResidualBlock."""
        return F.relu(self.body(x_BCHW) + self.shortcut(x_BCHW))


class LiteralBottleneckBlock(BottleneckBlock):
    """The sum in a tensor of its own."""

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """As BottleneckBlock."""
        return F.relu(self.body(x_BCHW) + self.shortcut(x_BCHW))


class LiteralEndpoints(Endpoints):
    """Summed in tensors of their own."""

    def forward(self, features: Mapping[int, Tensor]) -> Tensor:
        """As Endpoints."""
        if not self:
            return features[self.finest]
        size = features[self.finest].shape[2:]
        maps = [endpoint(features[int(level)]) for level, endpoint in self.items()]
        return sum((F.interpolate(x, size=size, mode="nearest") for x in maps[1:]), maps[0])


Network = TypeVar("Network", bound=nn.Module)

LITERAL: dict[type[nn.Module], type[nn.Module]] = {
    MergeBlock: LiteralMergeBlock,
    ResidualBlock: LiteralResidualBlock,
    BottleneckBlock: LiteralBottleneckBlock,
    Endpoints: LiteralEndpoints,
}


def literal(network: Network) -> Network:
    """A copy of ``network``, weights and statistics included, that runs in the published order."""
    network = copy.deepcopy(network)
    for module in network.modules():
        # Only ``forward`` differs, so the modules stay and change their class.
        module.__class__ = LITERAL.get(type(module), type(module))
    return network


def literal_loss(network: nn.Module, x_B3HW: Tensor, labels_BHW: Tensor) -> Tensor:
    """Mean cross-entropy of logits up-sampled to the image as a whole, in fp32 at least."""
    logits = network(x_B3HW)
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    return F.cross_entropy(logits, labels_BHW, ignore_index=IGNORE)
