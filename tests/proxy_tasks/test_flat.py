"""A network whose numbers lie side by side is the network it was."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from proxy_tasks.flat import FlatTensors
from proxy_tasks.networks import channels_last


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5), nn.ReLU(), nn.Conv2d(5, 2, 1)
    return channels_last(nn.Sequential(*layers))


def test_values_and_memory_formats_stay(network: nn.Module) -> None:
    before = copy.deepcopy(network)
    FlatTensors(network)
    for name, value in before.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name
    for old, new in zip(before.parameters(), network.parameters(), strict=True):
        assert new.stride() == old.stride()
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_a_change_of_the_long_tensors_is_one_of_the_network_and_of_nothing_else(
    network: nn.Module,
) -> None:
    flat = FlatTensors(network)
    flat.weights.fill_(1.0)
    flat.vectors.fill_(2.0)
    flat.rest.fill_(3.0)
    flat.counters.fill_(4)
    held = {name: value.unique().tolist() for name, value in network.state_dict().items()}
    assert held == {
        "0.weight": [1.0],
        "1.weight": [2.0],
        "1.bias": [2.0],
        "1.running_mean": [3.0],
        "1.running_var": [3.0],
        "1.num_batches_tracked": [4],
        "3.weight": [1.0],
        "3.bias": [2.0],
    }


def test_tensors_are_aligned_and_the_padding_is_zero(network: nn.Module) -> None:
    flat = FlatTensors(network)
    for parameter in network.parameters():
        assert parameter.storage_offset() * parameter.element_size() % 64 == 0
    assert flat.vectors.count_nonzero() == sum(
        p.count_nonzero() for p in network.parameters() if p.ndim == 1
    )


def test_a_loaded_state_arrives_in_the_long_tensors(network: nn.Module) -> None:
    flat = FlatTensors(network)
    network.load_state_dict({name: 0 * value for name, value in network.state_dict().items()})
    assert all(values.count_nonzero() == 0 for values in (*flat.floats, flat.counters))


def test_a_frozen_parameter_is_not_trained(network: nn.Module) -> None:
    network[0].weight.requires_grad = False
    flat = FlatTensors(network)
    weights, _ = flat.trainable()
    assert weights.count_nonzero() == network[3].weight.numel()
    assert network[0].weight.grad is None


def test_gradients_are_those_of_the_network_and_add_up(network: nn.Module) -> None:
    plain = copy.deepcopy(network)
    weights, vectors = FlatTensors(network).trainable()
    x_B3HW = torch.randn(2, 3, 6, 6)
    for one in (plain, network):
        for _ in range(2):
            one(x_B3HW).square().sum().backward()
    assert weights.grad is not None
    assert vectors.grad is not None
    for expected, found in zip(plain.parameters(), network.parameters(), strict=True):
        assert torch.equal(found.grad, expected.grad)  # type: ignore[arg-type]
    total = sum(p.grad.square().sum() for p in plain.parameters() if p.grad is not None)
    assert weights.grad.square().sum() + vectors.grad.square().sum() == pytest.approx(float(total))
    for flat in (weights, vectors):
        flat.grad.zero_()  # type: ignore[union-attr]
    assert all(p.grad.count_nonzero() == 0 for p in network.parameters())  # type: ignore[union-attr]
