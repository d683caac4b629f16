import math

import pytest
import torch

from proxy_tasks.networks.blocks import AUXILIARY, LOW_LEVEL, BottleneckBlock
from proxy_tasks.networks.resnet import DilatedResNetBackbone
from search_space.resnet import DilatedResNet
from search_space.scales import Scale

TINY = Scale(filters=0.0625)


def test_the_trunk_has_the_parameters_of_resnet_50() -> None:
    with torch.device("meta"):
        backbone = DilatedResNetBackbone(DilatedResNet(), Scale())
    assert sum(p.numel() for p in backbone.parameters()) == 23_508_032


@pytest.mark.parametrize(("stride", "level"), [(8, 3), (16, 4), (32, 5)])
@pytest.mark.parametrize("size", [(97, 131), (33, 47), (64, 64)])
def test_the_map_has_the_size_of_the_level_it_is_named_by(
    stride: int, level: int, size: tuple[int, int]
) -> None:
    backbone = DilatedResNetBackbone(DilatedResNet((1, 1, 1, 1), stride), TINY)
    features = backbone(torch.randn(2, 3, *size))
    expected = tuple(math.ceil(side / stride) for side in size)
    assert {key: tuple(x.shape) for key, x in features.items()} == {level: (2, 128, *expected)}
    assert backbone.out_channels == {level: 128}


@pytest.mark.parametrize(
    ("stride", "expected"),
    [
        (32, [(1, 1), (1, 1), (1, 1), (1, 1)]),
        (16, [(1, 1), (1, 1), (1, 1), (1, 2)]),
        (8, [(1, 1), (1, 1), (1, 2), (2, 4)]),
    ],
)
def test_a_dilated_stage_starts_with_the_dilation_of_the_stage_before(
    stride: int, expected: list[tuple[int, int]]
) -> None:
    backbone = DilatedResNetBackbone(DilatedResNet((2, 2, 2, 2), stride), TINY)
    found = [tuple(block.body[1][0].dilation[0] for block in stage) for stage in backbone.stages]
    assert found == expected


def test_filters_scale_the_widths_and_stages_set_the_depth() -> None:
    backbone = DilatedResNetBackbone(DilatedResNet((1, 2, 3, 4)), Scale(filters=0.25, repeats=2))
    assert backbone.out_channels == {4: 512}
    assert [len(stage) for stage in backbone.stages] == [1, 2, 3, 4]
    assert all(isinstance(b, BottleneckBlock) for stage in backbone.stages for b in stage)


@pytest.mark.parametrize(("stride", "third"), [(8, 8), (16, 16), (32, 16)])
def test_a_head_that_asks_is_given_the_first_and_the_third_stage(stride: int, third: int) -> None:
    backbone = DilatedResNetBackbone(DilatedResNet((1, 1, 1, 1), stride), TINY).eval()
    x = torch.randn(1, 3, 97, 65)
    alone = backbone(x)
    backbone.extras |= {LOW_LEVEL, AUXILIARY}
    maps = backbone(x)
    assert maps.keys() == {*alone, LOW_LEVEL, AUXILIARY}
    assert torch.equal(maps[backbone.level], alone[backbone.level])
    ceiled = (math.ceil(97 / third), math.ceil(65 / third))
    assert maps[LOW_LEVEL].shape == (1, backbone.low_channels, 25, 17) == (1, 16, 25, 17)
    assert maps[AUXILIARY].shape == (1, backbone.auxiliary_channels, *ceiled)
    assert backbone.auxiliary_channels == 64
    torch.testing.assert_close(maps[LOW_LEVEL], backbone.stages[0](backbone.stem(x)))
    torch.testing.assert_close(maps[AUXILIARY], backbone.stages[:3](backbone.stem(x)))
