"""What a built network costs, counted on the network itself: what analytic costs are held against.

Networks are built without memory (on torch's meta device) and without drawing weights, as neither
changes a count.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from proxy_tasks.networks import build

_LAYERS = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)


def built(*arguments: Any) -> nn.Module:
    """As ``proxy_tasks.networks.build`` with the same arguments, in a hundredth of the time."""
    with torch.device("meta"), _without_drawing():
        return build(*arguments)


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def macs(network: nn.Module, size: tuple[int, int]) -> int:
    """Half of what PyTorch's own counter finds in one image's inference."""
    device = next(network.parameters()).device
    network.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 3, *size, device=device))
    return counter.get_total_flops() // 2


def macs_by_shape(network: nn.Module, size: tuple[int, int]) -> int:
    """As ``macs``, some twenty times as fast: the network's own forward pass, whose convolutions
    and fully connected layers compute nothing, but note the shapes that they would put out."""
    total = 0

    def convolve(layer: nn.Conv2d, x: Tensor) -> Tensor:
        nonlocal total
        y = x.new_zeros(len(x), layer.out_channels, *_convolved(layer, x.shape[2:]))
        total += layer.weight.numel() // layer.out_channels * y.numel()
        return y

    def connect(layer: nn.Linear, x: Tensor) -> Tensor:
        nonlocal total
        total += layer.weight.numel() * len(x)
        return x.new_zeros(len(x), layer.out_features)

    forwards: tuple[Any, ...] = convolve, lambda _, x: x, connect
    with ExitStack() as patches:
        for kind, forward in zip(_LAYERS, forwards, strict=True):
            patches.enter_context(patch.object(kind, "forward", forward))
        with torch.no_grad():
            network.eval()(torch.zeros(1, 3, *size))
    return total


def _convolved(layer: nn.Conv2d, size: tuple[int, ...]) -> list[int]:
    return [
        (size[axis] + 2 * int(layer.padding[axis]) - layer.dilation[axis] * (kernel - 1) - 1)
        // layer.stride[axis]
        + 1
        for axis, kernel in enumerate(layer.kernel_size)
    ]


@contextmanager
def _without_drawing() -> Iterator[None]:
    with ExitStack() as patches:
        for kind in _LAYERS:
            patches.enter_context(patch.object(kind, "reset_parameters", lambda _: None))
        for name in ("kaiming_normal_", "ones_", "zeros_"):
            patches.enter_context(patch.object(nn.init, name, lambda tensor, **_: tensor))
        yield
