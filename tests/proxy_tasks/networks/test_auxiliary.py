from collections.abc import Callable

import pytest
import torch
from torch import nn

from proxy_tasks.networks import build
from search_space.architecture import Architecture
from search_space.errors import UserError
from search_space.resnet import DilatedResNet
from search_space.scales import Scale

RESNET = DilatedResNet((1, 2, 1, 1), 8)
SIZE = (64, 64)


def test_it_reads_the_third_stage_and_leaves_the_main_logits_alone(small: Scale) -> None:
    network = build(RESNET, small, 5, SIZE, auxiliary=True).eval()
    x, trunk = torch.randn(1, 3, *SIZE), network.backbone
    main, auxiliary = network.forward_auxiliary(x)
    third = trunk.stages[:3](trunk.stem(x))
    assert third.shape == (1, 128, 8, 8)
    torch.testing.assert_close(auxiliary, network.auxiliary(third))
    torch.testing.assert_close(main, network.forward_low(x))
    assert auxiliary.shape == main.shape == (1, 5, 8, 8)


def test_it_has_a_quarter_of_the_channels_and_a_light_dropout(small: Scale) -> None:
    head = build(RESNET, small, 5, SIZE, auxiliary=True).auxiliary
    assert [m.p for m in head.modules() if isinstance(m, nn.Dropout)] == [0.1]
    shapes = [tuple(m.weight.shape) for m in head.modules() if isinstance(m, nn.Conv2d)]
    assert shapes == [(32, 128, 3, 3), (5, 32, 1, 1)]
    assert head[0][0].weight.std().item() == pytest.approx((2 / (32 * 9)) ** 0.5, rel=0.03)


@pytest.mark.parametrize("head", ["deeplabv3", "deeplabv3+"])
def test_the_rest_starts_with_the_weights_that_it_has_without(small: Scale, head: str) -> None:
    states = []
    for auxiliary in (False, True):
        torch.manual_seed(1)
        spec = DilatedResNet((1, 1, 1, 1), head=head)
        states.append(build(spec, small, 5, SIZE, auxiliary).state_dict())
    plain, more = states
    assert all(torch.equal(value, more[name]) for name, value in plain.items())
    assert {name.split(".")[0] for name in more.keys() - plain.keys()} == {"auxiliary"}


def test_a_searched_backbone_has_none(
    random_architecture: Callable[[int], Architecture], small: Scale
) -> None:
    with pytest.raises(UserError, match="auxiliary: only a ResNet"):
        build(random_architecture(0), small, 5, SIZE, auxiliary=True)


def test_asking_for_its_logits_where_there_is_none_is_a_users_mistake(small: Scale) -> None:
    with pytest.raises(UserError, match="auxiliary=True"):
        build(RESNET, small, 5, SIZE).forward_auxiliary(torch.randn(1, 3, *SIZE))
