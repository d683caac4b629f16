"""A kernel that reads nothing but padding is no choice: spaces offer what reaches its map."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from search_space import catalog
from search_space.architecture import STEM, Architecture, Block, Feature, features
from search_space.errors import UserError
from search_space.genes import sample
from search_space.resnet import DilatedResNet
from search_space.scale_permuted import ScalePermutedSpace
from search_space.spine import SpineSpace
from search_space.taps import alive, coarsest, dead, reaches, smallest_side

Space = ScalePermutedSpace | SpineSpace
Size = tuple[int, int]
SIZES: list[Size] = [(96, 128), (64, 96), (128, 96), (40, 512), (17, 17)]
LITE = "efficientnet-lite0"


@pytest.mark.parametrize("dilation", range(1, 6))
@pytest.mark.parametrize("side", range(1, 7))
def test_a_tap_is_alive_where_some_pixel_of_the_map_reads_another_through_it(
    dilation: int, side: int
) -> None:
    """By its definition, on a map of level 3 that belongs to an odd size."""
    touches = any(0 <= pixel + dilation < side for pixel in range(side))
    assert reaches(dilation, (8 * side - 3, 999), 3) == touches


def test_what_is_alive_at_the_levels_of_a_crop() -> None:
    found = {level: alive((1, 2, 4), (96, 128), level) for level in range(2, 8)}
    assert found == {2: (1, 2, 4), 3: (1, 2, 4), 4: (1, 2, 4), 5: (1, 2), 6: (1,), 7: (1,)}
    assert alive((1, 2, 4), None, 7) == (1, 2, 4)
    assert coarsest(range(2, 8), (96, 128)) == 6
    assert coarsest(range(2, 8), (64, 999)) == 5
    assert coarsest(range(2, 8), None) == 7


def spaces(size: Size | None) -> list[Space]:
    return [
        ScalePermutedSpace(crop=size),
        ScalePermutedSpace(((2, 2), (4, 3)), (2, 3), 6, (1, 3, 9), crop=size),
        SpineSpace(LITE, crop=size),
    ]


def drawn(space: Space, count: int) -> Iterator[Architecture]:
    """Random ones, their mutants and mixtures."""
    rng = np.random.default_rng(0)
    before = sample(space.genes, rng)
    for _ in range(count):
        genotype = sample(space.genes, rng)
        yield space.decode(genotype)
        yield space.decode(space.mutate(genotype, rng))
        yield space.decode(space.cross(before, genotype, rng))
        before = genotype


def searched(architecture: Architecture) -> list[Block]:
    return [block for block in architecture.blocks if not isinstance(block, Feature)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("which", range(3))
def test_no_searched_block_has_a_dead_dilation(which: int, size: Size) -> None:
    space = spaces(size)[which]
    for architecture in drawn(space, 40):
        for block in searched(architecture):
            living = reaches(block.dilation, size, block.level)
            # At an output's level there may be no living one; then it is the smallest.
            assert living or block.dilation == 1
            fixed = block.output or min(size) < 40
            assert living or fixed, block


@pytest.mark.parametrize("size", SIZES[:2])
@pytest.mark.parametrize("which", range(3))
def test_all_that_is_alive_is_offered(which: int, size: Size) -> None:
    space, found = spaces(size)[which], set()
    for architecture in drawn(space, 150):
        found |= {(block.level, block.dilation) for block in searched(architecture)}
    for level in {level for level, _ in found}:
        assert {d for at, d in found if at == level} == set(alive(space.dilations, size, level))


def test_a_crop_leaves_the_genes_as_they_are_and_no_twins() -> None:
    """Half of the networks that a space without a crop draws have a twin that differs in dead
    dilations alone; both decode to one here."""
    old, new = ScalePermutedSpace(max_level=6), ScalePermutedSpace(max_level=6, crop=(96, 128))
    assert new.genes == old.genes
    rng, twins = np.random.default_rng(0), 0
    for _ in range(200):
        genotype = sample(old.genes, rng)
        before, after = old.decode(genotype), new.decode(genotype)
        assert after.blocks == tuple(map(new.settled, before.blocks))
        assert not dead(after, (96, 128))
        twins += old.key(genotype) != new.key(genotype)
    assert twins > 60


def test_where_a_dilation_is_never_alive_there_is_no_gene_for_it() -> None:
    space = ScalePermutedSpace(dilations=(1, 16), crop=(64, 64))
    assert not [gene for gene in space.genes if gene.name.endswith("dilation")]


@pytest.mark.parametrize(
    ("crop", "level", "dilation", "message"),
    [
        (
            (96, 128),
            3,
            4,
            r"3: dilation 4 reads nothing but padding on a map of 3x4 pixels, level 5",
        ),
        ((40, 128), 6, 1, r"2: level 6 .*within 2 to 5, as maps of a crop of 40x128 are one pixel"),
    ],
)
def test_what_is_dead_at_the_crop_lies_outside_of_the_space(
    crop: Size, level: int, dilation: int, message: str
) -> None:
    blocks = Block(level, "residual", (0, 1)), Block(5, "residual", (0, 2), dilation, output=True)
    architecture = Architecture(STEM, blocks, (5,))
    ScalePermutedSpace(((4, 1),), (5,)).encode(architecture)
    with pytest.raises(UserError, match=f"^block {message}"):
        ScalePermutedSpace(((4, 1),), (5,), crop=crop).encode(architecture)


@pytest.mark.parametrize("crop", [(0, 9), (9,), (9, 9.5)])
def test_a_crop_is_two_numbers_of_pixels(crop: object) -> None:
    with pytest.raises(UserError, match="crop must be a height and a width in pixels"):
        ScalePermutedSpace(crop=crop)  # type: ignore[arg-type]


def test_dead_parts_and_the_smallest_image() -> None:
    spinenet = catalog.load("spinenet-49")
    assert [(each.part, each.level) for each in dead(spinenet, (64, 96))] == [
        ("6", 6), ("9", 7), ("15", 7), ("16", 6)
    ]  # fmt: skip
    assert smallest_side(spinenet) == 2**7 + 1
    assert not dead(spinenet, (129, 129))
    assert [each.part for each in dead(spinenet, (128, 129))] == ["9", "15"]
    resnet = DilatedResNet(output_stride=8)
    assert smallest_side(resnet) == 4 * 8 + 1
    assert [each.part for each in dead(resnet, (32, 99))] == ["stage 4"]
    assert smallest_side(resnet, (12, 24, 36)) == 36 * 8 + 1
    lite = Architecture(features(LITE), (), (5,))
    assert smallest_side(lite) == 2 * 32 + 1
