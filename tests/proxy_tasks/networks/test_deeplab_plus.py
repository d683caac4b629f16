"""DeepLabv3+ against arXiv 1802.02611 and against the literal composition of its parts."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from proxy_tasks.networks import DeepLabV3Plus, build
from search_space import catalog
from search_space.architecture import Architecture
from search_space.resnet import DilatedResNet
from search_space.scales import DEEPLABV3_PLUS, SCALES, Scale

Draw = Callable[[int], Architecture]
TINY_RESNET = DilatedResNet((1, 1, 1, 1), head=DEEPLABV3_PLUS)


@pytest.fixture
def plus(small: Scale) -> Scale:
    return replace(small, head=DEEPLABV3_PLUS)


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_on_resnet_50_the_decoder_has_the_published_filters() -> None:
    """48 filters for the 256 channels of the first stage, then 3x3 to 256 twice."""
    v3, v3_plus = (DilatedResNet((3, 4, 6, 3), 16, h) for h in ("deeplabv3", "deeplabv3+"))
    with torch.device("meta"):
        before, after = (build(each, Scale(), 21, (513, 513)) for each in (v3, v3_plus))
    third = 256 * 256 * 9 + 512
    decoder = (256 * 48 + 96) + (304 * 256 * 9 + 512) + (256 * 256 * 9 + 512)
    assert parameters(after) == parameters(before) - third + decoder
    assert [tuple(m.weight.shape) for m in after.decoder.modules() if isinstance(m, nn.Conv2d)] == [
        (48, 256, 1, 1),
        (256, 304, 3, 3),
        (256, 256, 3, 3),
    ]


@pytest.mark.parametrize("size", [(97, 131), (33, 47), (64, 64)])
@pytest.mark.parametrize("searched", [True, False])
def test_low_logits_have_level_2_and_logits_the_size_of_the_image(
    random_architecture: Draw, plus: Scale, searched: bool, size: tuple[int, int]
) -> None:
    backbone = random_architecture(0) if searched else TINY_RESNET
    network = build(backbone, plus, 11, size).eval()
    x = torch.randn(1, 3, *size)
    low = network.forward_low(x)
    assert low.shape == (1, 11, (size[0] + 3) // 4, (size[1] + 3) // 4)
    expected = F.interpolate(low, size=size, mode="bilinear", align_corners=False)
    torch.testing.assert_close(network(x), expected)


def test_the_decoder_reads_the_first_stage_and_the_up_sampled_pyramid(plus: Scale) -> None:
    network = build(TINY_RESNET, plus, 5, (64, 64)).eval()
    assert isinstance(network, DeepLabV3Plus)
    x, backbone = torch.randn(1, 3, 64, 64), network.backbone
    low = backbone.stages[0](backbone.stem(x))
    pyramid = network.aspp(backbone.stages(backbone.stem(x)))
    assert low.shape == (1, 32, 16, 16)
    assert pyramid.shape == (1, 16, 4, 4)
    pyramid = F.interpolate(pyramid, size=(16, 16), mode="bilinear", align_corners=False)
    decoded = network.decoder.refine(torch.cat([pyramid, network.decoder.low(low)], 1))
    torch.testing.assert_close(network.forward_low(x), network.classifier(decoded))


def test_dropout_stands_before_the_classifier_alone(plus: Scale) -> None:
    network = build(TINY_RESNET, plus, 5, (64, 64)).eval()
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.1]
    seen = []
    network.dropout.register_forward_hook(lambda _m, _args, out: seen.append(out))
    network.classifier.register_forward_pre_hook(lambda _m, args: seen.append(args[0]))
    network.forward_low(torch.randn(1, 3, 64, 64))
    assert seen[0] is seen[1]


def test_two_images_give_every_parameter_a_gradient(random_architecture: Draw, plus: Scale) -> None:
    network = build(random_architecture(0), plus, 5, (64, 64))
    network(torch.randn(2, 3, 64, 64)).square().sum().backward()
    gradients = [p.grad for p in network.parameters()]
    assert all(g is not None and bool(g.abs().sum() > 0) for g in gradients)


def test_s143_plus_has_the_decoder_behind_spinenets_stem() -> None:
    with torch.device("meta"):
        network = build(catalog.load("spinenet-49"), SCALES["S143+"], 19, (512, 512))
    assert isinstance(network, DeepLabV3Plus)
    assert network.decoder.low[0].weight.shape == (48, 256, 1, 1)
    assert len(network.backbone.blocks["1"]) == 3


@pytest.mark.parametrize("stride", [8, 16])
def test_a_baseline_of_the_catalogue_brings_its_own_head(small: Scale, stride: int) -> None:
    baseline = catalog.load(f"deeplabv3plus-resnet-50-os{stride}")
    assert small.head == "deeplabv3"
    assert isinstance(build(baseline, small, 5, (64, 64)), DeepLabV3Plus)
