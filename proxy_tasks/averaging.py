"""An exponential average of a network's weights: what is evaluated, and what is kept."""

from __future__ import annotations

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from proxy_tasks.flat import FlatTensors

Network = TypeVar("Network", bound=nn.Module)


class WeightAverage(nn.Module, Generic[Network]):
    """``module`` is a copy of ``network`` that follows it: parameters, and the floating-point
    buffers of its batch norms, by an exponential average; integer buffers are copied.

    The decay per update grows as (1 + n) / (10 + n) up to ``decay``, so that short runs forget
    their random start. Its numbers, bit by bit, and its state are those of torch's AveragedModel
    with that decay, which takes ten times as long.
    """

    module: Network
    n_averaged: Tensor

    def __init__(self, network: Network, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.module = copy.deepcopy(network)
        self.register_buffer("n_averaged", torch.tensor(0))
        self._flat = FlatTensors(self.module)

    @torch.no_grad()
    def update(self, network: FlatTensors) -> None:
        """After a step of the network; the first one copies it."""
        n = int(self.n_averaged)
        share = 1 - min(self.decay, (1 + n) / (10 + n)) if n else 1.0
        for averaged, current in zip(self._flat.floats, network.floats, strict=True):
            averaged.lerp_(current, share)
        self._flat.counters.copy_(network.counters)
        self.n_averaged += 1
