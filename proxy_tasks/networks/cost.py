"""What a network costs, counted and not timed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Cost:
    """``macs``: multiply-accumulates for one image (papers write FLOPs); ``parameters``: those
    that a training changes."""

    macs: int
    parameters: int


def count(network: nn.Module, size: tuple[int, int]) -> Cost:
    """Cost of a network for one RGB image of (height, width) pixels, in inference.

    Convolutions and matrix products count; norms, activations and resampling do not, as in the
    papers. One forward pass on the network's own device: on the meta device it would take seven
    times as long, as shape inference runs in Python. The network is left as it was.
    """
    device = next(network.parameters()).device
    was_training = network.training
    network.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, *size, device=device))
    network.train(was_training)
    return Cost(counter.get_total_flops() // 2, sum(p.numel() for p in network.parameters()))
