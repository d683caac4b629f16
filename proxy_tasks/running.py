"""A network of ours as a labeller runs it. Bundled into exports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from proxy_tasks.labelling import Array, Run


class Low(Protocol):
    """What is needed of a network."""

    def parameters(self) -> Iterator[Tensor]: ...

    def forward_low(self, x_BCHW: Tensor, /) -> Tensor: ...


def running(network: Low) -> Run:
    """``forward_low`` on arrays: in single precision, on the device of the weights.

    Args:
        network: in eval mode.
    """

    @torch.no_grad()
    def run(x_BCHW: Array) -> Array:
        device = next(network.parameters()).device
        logits_BKhw: Array = network.forward_low(torch.from_numpy(x_BCHW).to(device)).cpu().numpy()
        return logits_BKhw

    return run
