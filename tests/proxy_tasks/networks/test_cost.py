from collections.abc import Callable

import pytest
import torch
from torch import nn

from proxy_tasks.networks import Cost, build, count
from search_space.architecture import Architecture
from search_space.resnet import DilatedResNet
from search_space.scales import Scale


@pytest.mark.parametrize(("groups", "bias"), [(1, False), (3, True)])
def test_a_convolution_costs_what_a_hand_computes(groups: int, bias: bool) -> None:
    network = nn.Conv2d(3, 6, (3, 5), stride=2, padding=(1, 2), groups=groups, bias=bias)
    macs = 6 * (5 * 8) * (3 // groups * 3 * 5)
    parameters = 6 * (3 // groups) * 3 * 5 + 6 * bias
    assert count(network, (9, 16)) == Cost(macs, parameters)


def test_a_resnet_50_costs_what_is_published_at_224_pixels() -> None:
    """4.1 G with its classifier (2.0 M), version 1.5 with the stride on the 3x3."""
    with torch.device("meta"):
        network = build(DilatedResNet(output_stride=32), Scale(), 21, (224, 224))
    assert count(network.backbone, (224, 224)) == Cost(4_087_136_256, 23_508_032)


def test_counting_leaves_the_network_alone(
    random_architecture: Callable[[int], Architecture], small: Scale
) -> None:
    network = build(random_architecture(0), small, 5, (64, 64)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    draws = torch.get_rng_state()
    cost = count(network, (64, 64))
    assert network.training
    assert torch.equal(torch.get_rng_state(), draws)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert cost.parameters == sum(p.numel() for p in network.parameters())
