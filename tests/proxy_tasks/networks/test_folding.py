"""A folded network predicts the same with fewer layers, and the original stays as it was."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from proxy_tasks.networks import DeepLabV3, build
from proxy_tasks.networks.folding import folded
from search_space import catalog
from search_space.architecture import Architecture
from search_space.resnet import DilatedResNet
from search_space.scales import Scale

SIZE = (64, 96)


def trained(backbone: Architecture | DilatedResNet, scale: Scale) -> DeepLabV3:
    """With statistics of data and weights of no special value, in training mode."""
    network = build(backbone, scale, 5, SIZE)
    assert isinstance(network, DeepLabV3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            module.momentum = None  # the plain mean over the passes below
    for _ in range(2):
        network(torch.randn(4, 3, *SIZE))
    return network


@pytest.mark.parametrize("name", ["spinenet-49", "deeplabv3-resnet-50-os16"])
def test_a_folded_network_is_the_same_function(name: str, small: Scale) -> None:
    network = trained(catalog.load(name), small).eval().double()
    x = torch.randn(2, 3, *SIZE, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(folded(network)(x), network(x), rtol=1e-9, atol=1e-9)


def test_folding_adds_no_more_than_rounding(small: Scale) -> None:
    network = trained(catalog.load("spinenet-49"), small).eval()
    x = torch.randn(2, 3, *SIZE)
    with torch.no_grad():
        found, expected = folded(network)(x), network(x)
        exact = copy.deepcopy(network).double()(x.double())
    # By the network's own rounding: a norm over few pixels of nearly equal value enlarges it.
    own = (expected - exact).abs().max()
    assert 0 < own < 1e-2 * exact.abs().max()
    assert (found - exact).abs().max() < 10 * own


def test_no_batch_norm_and_no_dropout_is_left(small: Scale) -> None:
    network = folded(build(catalog.load("spinenet-49"), small, 5, SIZE))
    kinds = {type(module) for module in network.modules()}
    assert not kinds & {nn.BatchNorm2d, nn.Dropout}
    assert not network.training


def test_the_network_itself_is_left_as_it_was(
    random_architecture: Callable[[int], Architecture], small: Scale
) -> None:
    network = trained(random_architecture(0), small)
    before = copy.deepcopy(network.state_dict())
    with torch.no_grad():
        folded(network)(torch.randn(1, 3, *SIZE))
    assert network.training
    assert all(module.training for module in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_weights_keep_their_memory_format(small: Scale) -> None:
    network = build(catalog.load("spinenet-49"), small, 5, SIZE)
    copied = folded(network.to(memory_format=torch.channels_last))
    convolutions = [m for m in copied.modules() if isinstance(m, nn.Conv2d)]
    assert all(m.weight.is_contiguous(memory_format=torch.channels_last) for m in convolutions)
