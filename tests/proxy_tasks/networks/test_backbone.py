import math
import weakref
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from proxy_tasks.networks.backbone import MergeBlock, ScalePermutedBackbone
from proxy_tasks.networks.blocks import LOW_LEVEL
from search_space.architecture import Architecture, Block
from search_space.catalog import load
from search_space.scales import SCALES, Scale
from search_space.shapes import level_size
from tests.oracles import counted
from tests.oracles.literal import literal

Draw = Callable[[int], Architecture]


def parameters(architecture: Architecture, scale: Scale) -> int:
    return sum(p.numel() for p in ScalePermutedBackbone(architecture, scale).parameters())


def with_block(architecture: Architecture, index: int, **changes: object) -> Architecture:
    blocks = list(architecture.blocks)
    place = index - len(architecture.stem)
    blocks[place] = replace(blocks[place], **changes)
    return replace(architecture, blocks=tuple(blocks))


@pytest.fixture
def diamond(stem: tuple[Block, ...]) -> Architecture:
    """Block 2 is absorbed by 4, block 3 is dead (of another width), 5 reads 4."""
    return Architecture(
        stem,
        (
            Block(3, "residual", (0, 1)),
            Block(4, "bottleneck", (0, 1)),
            Block(3, "residual", (0, 1), 2, output=True),
            Block(4, "residual", (1, 4), output=True),
        ),
        (3, 4),
    )


@pytest.mark.parametrize("size", [(97, 131), (33, 47), (64, 64)])
@pytest.mark.parametrize("seed", range(6))
def test_every_level_has_its_ceiled_size_and_its_published_channels(
    random_architecture: Draw, small: Scale, seed: int, size: tuple[int, int]
) -> None:
    backbone = ScalePermutedBackbone(random_architecture(seed), small)
    features = backbone(torch.randn(2, 3, *size))
    assert list(features) == list(backbone.out_channels) == [3, 4, 5]
    for level, x in features.items():
        expected = [math.ceil(side / 2**level) for side in size]
        assert list(x.shape) == [2, backbone.out_channels[level], *expected]


def test_filters_follow_level_type_and_scale(diamond: Architecture) -> None:
    assert ScalePermutedBackbone(diamond, Scale()).out_channels == {3: 128, 4: 256}
    wide = with_block(diamond, 5, type="bottleneck")
    assert ScalePermutedBackbone(wide, Scale(filters=0.5)).out_channels == {3: 64, 4: 512}


def test_dead_blocks_are_not_built(diamond: Architecture, small: Scale) -> None:
    assert 3 not in diamond.alive
    assert set(ScalePermutedBackbone(diamond, small).blocks) == {"0", "1", "2", "4", "5"}
    changed = with_block(diamond, 3, level=5)
    assert parameters(changed, small) == parameters(diamond, small)


def test_the_order_of_parents_changes_nothing(random_architecture: Draw, small: Scale) -> None:
    original = random_architecture(1)
    turned = tuple(replace(block, inputs=block.inputs[::-1]) for block in original.blocks)
    x, outputs = torch.randn(2, 3, 64, 64), []
    for architecture in (original, replace(original, blocks=turned)):
        torch.manual_seed(0)
        outputs.append(ScalePermutedBackbone(architecture, small)(x))
    assert all(torch.equal(outputs[0][level], outputs[1][level]) for level in outputs[0])


def test_absorbed_blocks_are_trained(diamond: Architecture, small: Scale) -> None:
    assert diamond.absorbed[4] == (2,)
    backbone = ScalePermutedBackbone(diamond, small)
    sum(x.square().sum() for x in backbone(torch.randn(2, 3, 32, 32)).values()).backward()
    gradients = [p.grad for p in backbone.blocks["2"].parameters()]
    assert all(g is not None and bool(g.abs().sum() > 0) for g in gradients)


def test_a_block_is_given_the_rectified_sum_of_all_it_reads(
    diamond: Architecture, small: Scale
) -> None:
    backbone = ScalePermutedBackbone(diamond, small).eval()
    block = backbone.blocks["4"]
    assert isinstance(block, MergeBlock)
    features = {0: torch.randn(1, 32, 8, 8), 1: torch.randn(1, 32, 8, 8)}
    features[2] = torch.randn(1, 16, 4, 4)
    first, second = (block.resamples[str(i)](features[i]) for i in (0, 1))
    expected = block.body((first + second + features[2]).relu())
    torch.testing.assert_close(block(features, (4, 4)), expected)


@pytest.mark.parametrize("index", [2, 4, 5])
def test_the_dilation_of_every_block_reaches_its_convolutions(
    diamond: Architecture, small: Scale, index: int
) -> None:
    dilated = with_block(diamond, index, dilation=4)
    body = ScalePermutedBackbone(dilated, small).blocks[str(index)].body
    kernels = [m for m in body.modules() if getattr(m, "kernel_size", None) == (3, 3)]
    assert [m.dilation for m in kernels] == [(4, 4), (4, 4)]


def test_the_stem_is_dilated_too(diamond: Architecture, small: Scale) -> None:
    dilated = replace(diamond, stem=(diamond.stem[0], replace(diamond.stem[1], dilation=2)))
    dilations = [
        {
            m.dilation
            for m in ScalePermutedBackbone(dilated, small).blocks[name].modules()
            if getattr(m, "kernel_size", None) == (3, 3)
        }
        for name in ("0", "1")
    ]
    assert dilations == [{(1, 1)}, {(2, 2)}]


@pytest.mark.parametrize("seed", range(4))
def test_a_map_is_freed_once_its_last_reader_has_run(
    random_architecture: Draw, small: Scale, seed: int
) -> None:
    architecture = random_architecture(seed)
    backbone = ScalePermutedBackbone(architecture, small).eval()
    maps: dict[int, weakref.ref[torch.Tensor]] = {}
    held: dict[int, set[int]] = {}

    def before(index: int) -> None:
        held[index] = {earlier for earlier, ref in maps.items() if ref() is not None}

    def after(index: int, output: torch.Tensor) -> None:
        maps[index] = weakref.ref(output)

    for name, block in backbone.blocks.items():
        block.register_forward_pre_hook(lambda _m, _i, index=int(name): before(index))
        block.register_forward_hook(lambda _m, _i, out, index=int(name): after(index, out))
    with torch.no_grad():
        backbone(torch.randn(1, 3, 64, 64))
    order = [int(name) for name in backbone.blocks]
    for index, found in held.items():
        needed = set(architecture.output_blocks.values())
        for later in order[order.index(index) :]:
            needed.update(architecture.reads[later])
        assert found <= needed


@pytest.mark.parametrize(("inputs", "last"), [((0, 1), 1), ((1, 2), 2)])
def test_a_head_that_asks_is_given_the_last_live_block_of_the_stem(
    stem: tuple[Block, ...], small: Scale, inputs: tuple[int, int], last: int
) -> None:
    stem = (*stem, Block(2, "residual"))
    architecture = Architecture(stem, (Block(3, "residual", inputs, output=True),), (3,))
    backbone = ScalePermutedBackbone(architecture, small).eval()
    x, seen = torch.randn(1, 3, 33, 47), []
    assert list(backbone(x)) == [3]
    backbone.blocks[str(last)].register_forward_hook(lambda _m, _i, out: seen.append(out.clone()))
    backbone.extras.add(LOW_LEVEL)
    low = backbone(x)[LOW_LEVEL]
    assert low.shape == (1, backbone.low_channels, 9, 12)
    assert torch.equal(low, seen[0])


def test_repeats_deepen_every_block(diamond: Architecture, small: Scale) -> None:
    backbone = ScalePermutedBackbone(diamond, replace(small, repeats=3))
    assert [len(getattr(block, "body", block)) for block in backbone.blocks.values()] == [3] * 5


def published(scale: str) -> tuple[ScalePermutedBackbone, int]:
    """SpineNet-49's blocks at a scale, without memory, and its endpoint filters."""
    spinenet = load("spinenet-49")
    assert isinstance(spinenet, Architecture)
    with torch.device("meta"):
        return ScalePermutedBackbone(spinenet, SCALES[scale]), SCALES[scale].endpoint_filters


@pytest.mark.parametrize(("scale", "millions"), [("S49", 22.1), ("S96", 36.5), ("S143", 60.5)])
def test_spinenet_has_the_published_parameters(scale: str, millions: float) -> None:
    """Published with endpoint convolutions and a classifier of 1000 classes (arXiv 1912.05027)."""
    backbone, filters = published(scale)
    endpoints = sum((channels + 2) * filters for channels in backbone.out_channels.values())
    total = sum(p.numel() for p in backbone.parameters()) + endpoints + (filters + 1) * 1000
    assert round(total / 1e6, 1) == millions


def test_spinenet_in_its_literal_order_has_the_published_macs() -> None:
    """3.5 G at 224 pixels; the 1x1 before up-sampling saves a part of them."""
    backbone, filters = published("S49")
    endpoints = sum(
        channels * filters * math.prod(level_size((224, 224), level))
        for level, channels in backbone.out_channels.items()
    )
    macs = counted.macs(literal(backbone), (224, 224))
    assert round((macs + endpoints + filters * 1000) / 1e9, 1) == 3.5
