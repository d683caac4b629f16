"""Latency is that of the network as one would deploy it."""

from __future__ import annotations

import torch
from torch import nn

from proxy_tasks.latency import latency


def test_the_folded_network_is_timed_and_the_network_left_as_it_was() -> None:
    torch.set_num_threads(1)
    network = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4))
    seen: list[str] = []
    for layer in network:
        layer.register_forward_hook(lambda m, _x, y: seen.append(f"{type(m).__name__} {y.shape}"))
    assert latency(network, (8, 10), repeats=3) > 0
    assert set(seen) == {"Conv2d torch.Size([1, 4, 6, 8])"}
    assert network.training
    assert len(network) == 2


def test_an_image_has_the_channels_that_the_network_takes() -> None:
    assert latency(nn.Conv2d(5, 4, 3), (8, 10), repeats=1, channels=5) > 0
