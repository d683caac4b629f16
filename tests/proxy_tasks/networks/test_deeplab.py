from collections.abc import Callable

import pytest
import torch
from torch.nn import functional as F

from proxy_tasks.networks import build
from proxy_tasks.networks.deeplab import ASPP
from search_space.architecture import Architecture
from search_space.resnet import DilatedResNet
from search_space.scales import Scale

Draw = Callable[[int], Architecture]


@pytest.mark.parametrize("size", [(97, 131), (33, 47), (64, 64)])
@pytest.mark.parametrize("seed", range(3))
def test_logits_have_the_size_of_the_image_and_low_ones_of_the_finest_level(
    random_architecture: Draw, small: Scale, seed: int, size: tuple[int, int]
) -> None:
    network = build(random_architecture(seed), small, 11, size).eval()
    x = torch.randn(1, 3, *size)
    low = network.forward_low(x)
    assert low.shape == (1, 11, (size[0] + 7) // 8, (size[1] + 7) // 8)
    expected = F.interpolate(low, size=size, mode="bilinear", align_corners=False)
    torch.testing.assert_close(network(x), expected)


@pytest.mark.parametrize("seed", range(3))
def test_two_images_give_every_parameter_a_finite_gradient(
    random_architecture: Draw, small: Scale, seed: int
) -> None:
    network = build(random_architecture(seed), small, 5, (64, 64))
    target = torch.randint(0, 5, (2, 64, 64))
    F.cross_entropy(network(torch.randn(2, 3, 64, 64)), target).backward()
    broken = [
        name
        for name, p in network.named_parameters()
        if p.grad is None or not bool(p.grad.isfinite().all())
    ]
    assert broken == []


def test_a_resnet_goes_straight_into_aspp(small: Scale) -> None:
    network = build(DilatedResNet((1, 1, 1, 1)), small, 5, (64, 64))
    assert len(network.endpoints) == 0
    assert network.aspp.branches[0][0].in_channels == 256
    assert network(torch.randn(2, 3, 33, 47)).shape == (2, 5, 33, 47)


@pytest.mark.parametrize(("stride", "rates"), [(16, (6, 12, 18)), (8, (12, 24, 36))])
def test_the_network_is_built_with_the_rates_of_its_own_stride(
    small: Scale, stride: int, rates: tuple[int, int, int]
) -> None:
    network = build(DilatedResNet((1, 1, 1, 1), stride), small, 5, (513, 513))
    assert tuple(branch[0].dilation[0] for branch in network.aspp.branches[1:]) == rates


def test_dropout_is_light_and_stands_behind_the_pyramid(small: Scale) -> None:
    network = build(DilatedResNet((1, 1, 1, 1)), small, 5, (64, 64)).eval()
    assert [m.p for m in network.modules() if isinstance(m, torch.nn.Dropout)] == [0.1]
    seen = []
    network.dropout.register_forward_hook(lambda _m, args, _out: seen.append(args[0]))
    network.aspp.register_forward_hook(lambda _m, _args, out: seen.append(out))
    network.forward_low(torch.randn(1, 3, 64, 64))
    assert seen[0] is seen[1]


def test_endpoints_run_before_up_sampling_and_are_summed(
    random_architecture: Draw, small: Scale
) -> None:
    network = build(random_architecture(0), small, 5, (96, 96)).eval()
    features = network.backbone(torch.randn(1, 3, 96, 96))
    seen = {}
    for name, endpoint in network.endpoints.items():
        endpoint.register_forward_hook(
            lambda _m, _i, out, name=name: seen.update({int(name): out.shape[2:]})
        )
    merged = network.endpoints(features)
    assert seen == {3: (12, 12), 4: (6, 6), 5: (3, 3)}
    up = {level: F.interpolate(x, size=(12, 12)) for level, x in features.items()}
    torch.testing.assert_close(merged, sum(network.endpoints[str(i)](up[i]) for i in up))


def test_the_image_mean_reaches_every_pixel() -> None:
    aspp = ASPP(4, 8, (1, 2, 3)).eval()
    x = torch.randn(1, 4, 40, 40, requires_grad=True)
    aspp(x)[0, :, 0, 0].sum().backward()
    assert x.grad is not None
    assert bool((x.grad.abs().sum(1) > 0).all())


def test_channels_last_gives_the_same_logits_in_the_same_format(
    random_architecture: Draw, small: Scale
) -> None:
    network = build(random_architecture(2), small, 5, (97, 131)).double().eval()
    x = torch.randn(2, 3, 97, 131, dtype=torch.float64)
    expected = network(x)
    network.to(memory_format=torch.channels_last)
    found = network(x.to(memory_format=torch.channels_last))
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found, expected)


def test_the_pyramid_keeps_channels_last() -> None:
    aspp, seen = ASPP(8, 8, (1, 2, 3)).to(memory_format=torch.channels_last), []
    aspp.project.register_forward_pre_hook(lambda _m, args: seen.append(args[0]))
    aspp(torch.randn(2, 8, 6, 6).to(memory_format=torch.channels_last))
    assert seen[0].is_contiguous(memory_format=torch.channels_last)


def test_the_same_seed_builds_the_same_weights(random_architecture: Draw, small: Scale) -> None:
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        network = build(random_architecture(0), small, 5, (64, 64))
        states.append(torch.cat([p.flatten() for p in network.parameters()]))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_rates_fit_the_finest_of_several_levels(random_architecture: Draw, small: Scale) -> None:
    network = build(random_architecture(0), small, 5, (513, 513))
    assert [branch[0].dilation[0] for branch in network.aspp.branches] == [1, 12, 24, 36]


def test_the_whole_network_is_initialised(random_architecture: Draw) -> None:
    scale = Scale(filters=0.125, endpoint_filters=16)
    weight = build(random_architecture(0), scale, 5, (64, 64)).aspp.branches[1][0].weight
    assert weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.03)


def test_the_head_drops_out_in_training_alone(small: Scale) -> None:
    network = build(DilatedResNet((1, 1, 1, 1)), small, 5, (64, 64))
    x = torch.randn(2, 3, 64, 64)
    assert not torch.equal(network.train()(x), network(x))
    assert torch.equal(network.eval()(x), network(x))
