"""A network of ours as a labeller runs it. Bundled into exports."""

from __future__ import annotations

import torch
from torch import nn

from proxy_tasks.labelling import Array, Run


def running(network: nn.Module) -> Run:
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
