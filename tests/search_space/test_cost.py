"""Costs of a spec: totals, their parts, published figures, and what a user gets wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from search_space import catalog
from search_space.architecture import Architecture, Block
from search_space.backbone import Backbone
from search_space.cost import Part, cost, parts
from search_space.errors import UserError
from search_space.genes import sample
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import HEADS, SCALES, Scale

SIZE = (97, 131)


def names(rows: tuple[Part, ...]) -> list[str]:
    return [row.name for row in rows]


def random_backbones() -> list[Backbone]:
    space, rng = ScalePermutedSpace(), np.random.default_rng(0)
    return [space.decode(sample(space.genes, rng)) for _ in range(20)]


@pytest.mark.parametrize("head", HEADS)
def test_the_parts_add_up_to_the_totals(head: str) -> None:
    for backbone in [*random_backbones(), *map(catalog.load, catalog.names())]:
        scale = Scale(0.5, head=head)
        rows, total = parts(backbone, scale, 7, SIZE), cost(backbone, scale, 7, SIZE)
        assert sum(row.parameters for row in rows) == total.parameters
        assert sum(row.macs for row in rows) == total.macs
        assert sum(row.activations for row in rows) <= total.activations
        assert len(set(names(rows))) == len(rows)


@pytest.mark.parametrize(("scale", "macs"), [("49", 3.5), ("96", 5.7), ("143", 9.1), ("190", 19.1)])
def test_spinenet_computes_what_is_published(scale: str, macs: float) -> None:
    """arXiv 1912.05027, table 5; fewer operations, as the 1x1 runs before up-sampling here."""
    total = cost(catalog.load("spinenet-49"), SCALES[scale], 1000, (224, 224))
    assert macs * 0.96 < total.macs / 1e9 < macs


def test_a_row_tells_of_the_map_that_it_puts_out() -> None:
    rows = {row.name: row for row in parts(catalog.load("spinenet-49"), Scale(), 19, (100, 201))}
    assert (rows["stem"].level, rows["stem"].channels, rows["stem"].size) == (2, 64, (25, 51))
    assert (rows["9"].level, rows["9"].channels, rows["9"].size) == (7, 256, (1, 2))
    assert (rows["14"].level, rows["14"].channels, rows["14"].size) == (5, 1024, (4, 7))
    assert (rows["endpoint 4"].channels, rows["endpoint 4"].size) == (256, (7, 13))
    assert (rows["classifier"].channels, rows["classifier"].size) == (19, (13, 26))


def test_what_is_never_built_has_no_row() -> None:
    """The level 2 output of SpineNet-49, block 17, is read out by nobody."""
    rows = parts(catalog.load("spinenet-49"), SCALES["S143+"], 19, SIZE)
    blocks = [str(index) for index in range(17)]
    endpoints = [f"endpoint {level}" for level in (3, 4, 5, 6, 7)]
    assert names(rows) == ["stem", *blocks, *endpoints, "aspp", "decoder", "classifier"]


def test_an_auxiliary_head_costs_parameters_and_memory_but_no_inference() -> None:
    resnet = catalog.load("deeplabv3-resnet-50-os16")
    without, with_it = (cost(resnet, Scale(), 21, SIZE, auxiliary) for auxiliary in (False, True))
    row = parts(resnet, Scale(), 21, SIZE, auxiliary=True)[-1]
    assert (row.name, row.level, row.channels, row.macs) == ("auxiliary", 4, 21, 0)
    assert row.activations > 0
    assert with_it.parameters - without.parameters == row.parameters > 0
    assert with_it.macs == without.macs
    assert with_it.activations >= without.activations + row.activations


def test_training_needs_five_copies_of_the_weights_and_a_share_for_each_image() -> None:
    total = cost(catalog.load("spinenet-49"), Scale(), 19, (512, 1024))
    grown = total.training_bytes(9) - total.training_bytes(1)
    assert grown == 8 * total.activations
    assert total.training_bytes(9) - total.step_bytes(9) == 5 * 4 * total.parameters


def test_small_images_need_more_than_their_share() -> None:
    """The gradient of a kernel of 256 times 256 times 9 weights weighs as much as all maps."""
    total = cost(catalog.load("spinenet-49"), Scale(), 19, (32, 32))
    assert total.step_bytes(1) > total.activations + 2 * 256 * 256 * 9 * 4


@pytest.mark.parametrize(
    ("place", "changes", "differs"),
    [
        (0, {"level": 5}, True),
        (0, {"type": "bottleneck"}, True),
        (1, {"inputs": (0, 1)}, True),
        (1, {"dilation": 3}, False),
    ],
)
def test_a_dilation_is_free_and_nothing_else_is(
    place: int, changes: dict[str, object], differs: bool
) -> None:
    stem = (Block(2, "bottleneck"), Block(2, "bottleneck"))
    blocks = [Block(3, "residual", (0, 1)), Block(5, "bottleneck", (1, 2), 1, True)]
    before = cost(Architecture(stem, tuple(blocks), (5,)), Scale(), 2, (128, 128))
    blocks[place] = replace(blocks[place], **changes)
    after = cost(Architecture(stem, tuple(blocks), (5,)), Scale(), 2, (128, 128))
    assert (before.macs != after.macs) == differs
    assert (before.parameters != after.parameters) == differs
    assert before.receptive_fields != after.receptive_fields


@pytest.mark.parametrize(
    ("classes", "size", "auxiliary", "message"),
    [
        (0, SIZE, False, "classes: must be at least 1 but got 0"),
        (2, (0, 7), False, "size: must be at least 1 pixel each way but got 0x7"),
        (2, SIZE, True, "auxiliary: only a ResNet has an auxiliary head"),
    ],
)
def test_what_cannot_be_built_has_no_cost(
    classes: int, size: tuple[int, int], auxiliary: bool, message: str
) -> None:
    for function in (cost, parts):
        with pytest.raises(UserError, match=message):
            function(catalog.load("spinenet-49"), Scale(), classes, size, auxiliary)
