"""The average of the weights is torch's AveragedModel, bit by bit, at a tenth of its time."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from proxy_tasks.averaging import WeightAverage
from proxy_tasks.flat import FlatTensors
from proxy_tasks.networks import channels_last


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Conv2d(5, 2, 1)
    return channels_last(nn.Sequential(*layers))


def warmed(decay: float) -> object:
    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor) -> None:
        if averaged[0].is_floating_point():
            n = int(count)
            torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + n) / (10 + n)))
        else:
            torch._foreach_copy_(averaged, current)

    return update


@torch.no_grad()
def step(trained: nn.Sequential) -> None:
    for parameter in trained.parameters():
        parameter += torch.randn_like(parameter)
    trained(torch.randn(2, 3, 5, 5))  # moves the batch norm's buffers


@pytest.mark.parametrize("decay", [0.3, 0.98])
def test_it_is_torchs_average_with_a_warmed_decay(decay: float) -> None:
    trained = network()
    expected = AveragedModel(trained, multi_avg_fn=warmed(decay), use_buffers=True)
    average, flat = WeightAverage(trained, decay), FlatTensors(trained)
    for _ in range(12):
        step(trained)
        expected.update_parameters(trained)
        average.update(flat)
        found = average.state_dict()
        assert list(found) == list(expected.state_dict())
        for name, value in expected.state_dict().items():
            assert torch.equal(found[name], value), name


def test_a_state_goes_on_where_it_was() -> None:
    trained = network()
    average, flat = WeightAverage(trained, 0.9), FlatTensors(trained)
    for _ in range(3):
        step(trained)
        average.update(flat)
    resumed = WeightAverage(network(), 0.9)
    resumed.load_state_dict(copy.deepcopy(average.state_dict()))
    step(trained)
    for one in (average, resumed):
        one.update(flat)
    for name, value in average.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name
    assert not torch.equal(average.module[0].weight, trained[0].weight)


def test_it_shares_no_memory_with_the_network() -> None:
    trained = network()
    average = WeightAverage(trained, 0.9)
    before = average.module[1].running_mean.clone()
    FlatTensors(trained).rest.fill_(7.0)
    assert torch.equal(average.module[1].running_mean, before)
