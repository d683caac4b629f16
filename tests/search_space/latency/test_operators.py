"""A network as operators: nothing of it is lost, and only what costs is there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from search_space import catalog
from search_space.architecture import Architecture, Block
from search_space.cost import cost
from search_space.cost.graph import Graph
from search_space.latency.operators import LOGITS, NEAREST, READERS, RELU, SUM, Laid, operators
from search_space.scales import SEGMENTING
from tests.support.latency import SIZE, SMALL, networks


def laid(backbone, scale=SMALL, size=SIZE, trained=None) -> list[Laid]:
    return operators(Graph(backbone, scale, 3, size, trained=trained))


@pytest.mark.parametrize("head", SEGMENTING)
def test_the_macs_are_those_of_the_network(head: str) -> None:
    scale = replace(SMALL, head=head)
    zoomed = [replace(each, zoom=0.75, head_width=0.5) for each in networks(2, seed=1)]
    for backbone in [*networks(8), *zoomed, *map(catalog.load, catalog.names())]:
        found = sum(each.operator.macs for each in laid(backbone, scale))
        assert found == cost(backbone, scale, 3, SIZE).macs


def test_each_operator_reads_what_was_computed_before_it_and_somebody_reads_it() -> None:
    for backbone in networks(8):
        found = laid(backbone)
        read = {number for each in found for number in each.reads}
        assert read == {-1, *range(len(found) - 1)}
        assert all(max(each.reads) < number for number, each in enumerate(found))


def test_maps_have_the_sizes_and_channels_that_their_readers_expect() -> None:
    for backbone in [*networks(6), replace(next(networks(1)), zoom=0.5)]:
        found = laid(backbone)
        for _, operator, reads in found:
            made = [found[read].operator for read in reads if read >= 0]
            if made:
                assert operator.size == made[0].out
                total = sum(each.filters for each in made)
                joined = total if operator.kind == "cat" else made[0].filters
                assert operator.channels == joined
            assert operator.reader in READERS


def test_the_last_operator_brings_logits_to_the_size_of_the_image() -> None:
    backbone = replace(next(networks(1)), zoom=0.5)
    last = laid(backbone)[-1]
    assert (last.part, last.operator.out, last.operator.filters) == (LOGITS, SIZE, 3)


def test_a_relu_behind_a_convolution_or_a_sum_is_part_of_it() -> None:
    assert not [each for each in laid(next(networks(1))) if each.operator.kind == RELU]


def test_parents_that_are_up_sampled_alike_are_summed_first() -> None:
    spec = {"level": 2, "type": "residual"}
    deep = [{"level": 4, "type": "residual", "inputs": [0, 1]} for _ in range(2)]
    backbone = built([*deep, {**spec, "inputs": [2, 3], "output": True}])
    up = [each for each in laid(backbone) if each.part == "4"]
    kinds = [each.operator.kind for each in up]
    assert kinds.count(NEAREST) == 1
    assert kinds.index(SUM) < kinds.index(NEAREST)


def built(blocks: list[dict]) -> Architecture:
    stem = (Block(2, "bottleneck"), Block(2, "bottleneck"))
    made = tuple(Block(**{**each, "inputs": tuple(each["inputs"])}) for each in blocks)
    return Architecture(stem, made, (2,))


def test_atrous_rates_are_those_of_the_size_that_it_is_trained_on() -> None:
    backbone = next(networks(1))
    rates = {
        trained: [each.operator.dilation for each in laid(backbone, trained=trained)
                  if each.part == "aspp" and each.operator.kernel == 3]
        for trained in (None, (256, 256))
    }  # fmt: skip
    assert rates[None] != rates[256, 256]


def test_a_blocks_dilation_is_that_of_its_spatial_kernels_alone() -> None:
    backbone = next(networks(1))
    dilated = {str(i) for i, block in enumerate(backbone.all_blocks) if block.dilation > 1}
    seen = {each.part for each in laid(backbone) if each.operator.dilation > 1} - {"aspp"}
    assert seen == {name for name in dilated if int(name) in backbone.alive}
    kernels = {each.operator.kernel for each in laid(backbone) if each.operator.dilation > 1}
    assert kernels == {3}
