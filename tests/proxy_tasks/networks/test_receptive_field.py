"""Receptive fields are those that gradients show, at every place below a coarsest pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from proxy_tasks.networks.backbone import ScalePermutedBackbone
from proxy_tasks.networks.blocks import Encoder
from proxy_tasks.networks.encoder_backbone import EncoderBackbone
from proxy_tasks.networks.encoders import encoder_network
from proxy_tasks.networks.resnet import DilatedResNetBackbone
from search_space import catalog
from search_space.architecture import Architecture, Block, features
from search_space.backbone_encoder import BackboneEncoder
from search_space.cost.receptive_field import receptive_fields
from search_space.encoders import EncoderSpec
from search_space.genes import sample
from search_space.resnet import DilatedResNet
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale

COARSEST = 128
"""Pixels that one of the coarsest level, 7, stands for."""
NARROW = Scale(filters=1 / 64)
SPACES = [
    ScalePermutedSpace(((2, 1), (3, 1), (4, 1)), (3, 4, 5), dilations=(1, 2)),
    ScalePermutedSpace(((2, 2), (3, 2)), (2, 7), dilations=(1, 3)),
    ScalePermutedSpace(((2, 1), (3, 2), (5, 1)), (4, 6), dilations=(1, 2, 4)),
]


def linear(encoder: Encoder) -> Encoder:
    """With positive weights, in double precision, and a mean for a maximum: then a gradient is
    positive wherever an output depends on the image."""
    for module in list(encoder.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
            elif isinstance(child, nn.MaxPool2d):
                setattr(module, name, nn.AvgPool2d(3, child.stride, child.padding))
            elif isinstance(child, nn.Conv2d):
                nn.init.constant_(child.weight, 1 / child.weight[0].numel())
    return encoder.double()


def measured(encoder: Encoder, longest: int) -> dict[int, int]:
    """Largest extent of a gradient by level. One pixel wide an image is enough: rows and columns
    are alike."""
    middle = longest // COARSEST + 2
    x_13H1 = torch.ones(1, 3, 2 * middle * COARSEST, 1, dtype=torch.float64, requires_grad=True)
    maps = linear(encoder)(x_13H1)
    return {
        level: max(
            extent(x_13H1, y[0, :, middle * places + place])
            for places in [COARSEST // 2**level]
            for place in range(places)
        )
        for level, y in maps.items()
    }


def extent(x_13H1: Tensor, y: Tensor) -> int:
    (gradient,) = torch.autograd.grad(y.sum(), x_13H1, retain_graph=True)
    reached = gradient[0, 0, :, 0].nonzero()
    first, last = int(reached[0]), int(reached[-1])
    assert first > 0
    assert last < x_13H1.shape[2] - 1
    return last - first + 1


@pytest.mark.parametrize("space", SPACES, ids=["three levels", "finest and coarsest", "dilated"])
@pytest.mark.parametrize("repeats", [1, 2])
def test_it_is_what_gradients_show(space: ScalePermutedSpace, repeats: int) -> None:
    rng = np.random.default_rng(repeats)
    scale = replace(NARROW, repeats=repeats)
    for _ in range(6):
        architecture = space.decode(sample(space.genes, rng))
        told = receptive_fields(architecture, repeats)
        assert measured(ScalePermutedBackbone(architecture, scale), max(told.values())) == told


def test_absorbed_blocks_are_followed_too() -> None:
    stem = (Block(2, "bottleneck"), Block(2, "bottleneck", dilation=3))
    blocks = (
        Block(3, "residual", (0, 1), 9),
        Block(5, "bottleneck", (0, 1), 2),
        Block(3, "residual", (0, 3), output=True),
    )
    architecture = Architecture(stem, blocks, (3,))
    assert architecture.absorbed[4] == (2,)
    told = receptive_fields(architecture, 1)
    assert measured(ScalePermutedBackbone(architecture, NARROW), told[3]) == told


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_a_resnets_is_what_gradients_show(stride: int) -> None:
    resnet = DilatedResNet((2, 1, 3, 2), stride)
    told = receptive_fields(resnet, 1)
    (level,) = told
    assert measured(DilatedResNetBackbone(resnet, NARROW), told[level]) == told


def test_resnet_50_at_output_stride_32_sees_427_pixels() -> None:
    """With the stride on the 3x3, by hand: 11 pixels of the stem's, then each 3x3's reach."""
    reach = 3 * 4 + 4 * 4 * 2 - 4 + 6 * 16 - 8 + 3 * 32 - 16
    assert receptive_fields(DilatedResNet(output_stride=32), 1) == {5: 11 + 2 * reach}


OWN = BackboneEncoder(catalog.load("spinenet-seg-camvid-60"), NARROW)
LOWER = BackboneEncoder(Architecture(features("efficientnet-lite0"), (), (3, 4, 5)), NARROW)


@pytest.mark.parametrize(
    "encoder",
    ["efficientnet-lite0", "efficientnet-lite2", "resnet-18", "resnet-50", OWN, LOWER],
)
def test_an_encoders_is_what_gradients_show(encoder: EncoderSpec | str) -> None:
    block = Block(4, "residual", (1, 3), 2, output=True)
    for blocks in ((), (block,)):
        architecture = Architecture(features(encoder), blocks, (3, 4, 5))
        told = receptive_fields(architecture, 1)
        backbone = EncoderBackbone(architecture, NARROW, encoder_network)
        assert measured(backbone, max(told.values())) == told


@pytest.mark.parametrize("levels", [(2,), (4,), (2, 4)])
def test_that_of_a_baseline_below_is_what_gradients_show(levels: tuple[int, ...]) -> None:
    spec = BackboneEncoder(DilatedResNet((1, 2, 1, 1), 16), NARROW)
    architecture = Architecture(features(spec), (), levels)
    told = receptive_fields(architecture, 1)
    assert (
        measured(EncoderBackbone(architecture, NARROW, encoder_network), max(told.values())) == told
    )


@pytest.mark.parametrize("zoom", [0.5, 0.625, 0.75, 0.875])
def test_that_of_a_shrunk_image_is_what_gradients_show(zoom: float) -> None:
    """At every place of as many coarsest pixels as it takes for the shrunk ones to repeat."""
    block = Block(4, "residual", (1, 2), 2, output=True)
    architecture = Architecture(features("efficientnet-lite0"), (block,), (3, 4), zoom=zoom)
    told = receptive_fields(architecture, 1)
    steps, coarsest = round(8 * zoom), 16
    middle = max(told.values()) // coarsest + 2
    length = 8 * coarsest * middle
    x_13H1 = torch.ones(1, 3, length, 8, dtype=torch.float64, requires_grad=True)
    maps = linear(EncoderBackbone(architecture, NARROW, encoder_network))(x_13H1)
    for level, y in maps.items():
        first, count = steps * middle // 2 * coarsest >> level, steps * coarsest >> level
        found = {extent(x_13H1, y[0, :, place]) for place in range(first, first + count)}
        assert max(found) == told[level]
