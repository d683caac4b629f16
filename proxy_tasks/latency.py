"""How long one image takes, measured."""

from __future__ import annotations

import time

import torch
from torch import nn

from proxy_tasks.networks.folding import folded


@torch.inference_mode()
def latency(
    network: nn.Module, size: tuple[int, int], repeats: int = 7, channels: int = 3
) -> float:
    """Median seconds of a forward pass of one (height, width) image on the network's device.

    Runs as one would deploy it, its batch norms folded, with as many threads as the process has;
    two passes warm up. The network is left as it was.
    """
    device = next(network.parameters()).device
    image = torch.zeros((1, channels, *size), device=device).contiguous(
        memory_format=torch.channels_last
    )
    network = folded(network)
    times = []
    for _ in range(2 + repeats):
        start = time.perf_counter()
        network(image)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return sorted(times[2:])[repeats // 2]
