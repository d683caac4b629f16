from dataclasses import replace
from itertools import combinations
from time import process_time

import numpy as np
import pytest

from benchmarks.canonical import compare
from search_space.architecture import Architecture, Block
from search_space.canonical import canonical_key
from search_space.resnet import DilatedResNet
from search_space.scale_permuted import STEM
from tests.oracles.architecture_pairs import KINDS, cycles, plain


def architecture(*blocks: Block, levels: tuple[int, ...] = (3,)) -> Architecture:
    return Architecture(STEM, blocks, levels)


@pytest.mark.parametrize("kind", KINDS)
def test_keys_are_equal_exactly_where_networkx_finds_an_isomorphism(kind):
    # The first fifth of what `python -m benchmarks.canonical` compares: 20,000 pairs.
    _, share = KINDS[kind]
    tally = compare(kind, share // 5)
    assert (tally.false_matches, tally.false_differences) == (0, 0)
    if kind != "default space: independent draws":  # none of them is ever the same
        assert min(tally.equal, tally.different) >= 5


def test_one_twin_with_both_readers_is_not_two_twins_with_one_each():
    twins = [plain(0, 1, level=4), plain(0, 1, level=4)]
    shared = architecture(*twins, plain(0, 2), plain(0, 2), plain(4, 5, output=True))
    each_its_own = architecture(*twins, plain(0, 2), plain(0, 3), plain(4, 5, output=True))
    exchanged = architecture(*twins, plain(0, 3), plain(0, 2), plain(4, 5, output=True))
    assert canonical_key(each_its_own) != canonical_key(shared)
    assert canonical_key(each_its_own) == canonical_key(exchanged)


def test_how_readers_are_shared_out_among_twins_counts():
    def readers(*twins: int) -> Architecture:
        blocks = [plain(0, 1, level=4), plain(0, 1, level=4), *(plain(0, twin) for twin in twins)]
        return architecture(*blocks, plain(0, 1, output=True))  # adds all the readers

    assert canonical_key(readers(2, 2, 3, 3)) != canonical_key(readers(2, 2, 2, 3))
    assert canonical_key(readers(2, 2, 3, 3)) == canonical_key(readers(3, 2, 3, 2))
    assert canonical_key(readers(2, 2, 2, 3)) == canonical_key(readers(3, 2, 3, 3))


def test_graphs_that_colour_refinement_cannot_tell_apart_get_different_keys():
    assert canonical_key(cycles(6)) != canonical_key(cycles(3, 3))
    assert canonical_key(cycles(3, 5)) != canonical_key(cycles(4, 4))


@pytest.mark.parametrize("lengths", [(6,), (3, 3), (3, 5)])
def test_symmetric_graphs_get_one_key_however_they_are_numbered(lengths):
    assert len({canonical_key(cycles(*lengths, seed=seed)) for seed in range(8)}) == 1


def test_many_interchangeable_blocks_cost_no_factorial():
    began = process_time()
    twins = [plain(0, 1) for _ in range(14)]
    canonical_key(architecture(*twins, plain(0, 1, output=True)))
    assert process_time() - began < 20  # 14! certificates would take a year


def test_a_block_that_is_read_differs_from_one_that_is_added_as_it_is():
    first = [plain(0, 1), plain(0, 2), plain(0, 1)]  # ids 2, 3, 4; 3 and 4 are not alike
    read = architecture(*first, plain(2, 3, output=True))  # adds 4
    added = architecture(*first, plain(2, 4, output=True))  # adds 3
    assert read.absorbed[5] == (4,)
    assert added.absorbed[5] == (3,)
    assert canonical_key(read) != canonical_key(added)


BASE = architecture(
    plain(0, 1, level=4),
    Block(5, "residual", (1, 2), dilation=2),
    plain(0, 2),  # independent of the block before it
    plain(2, 3, level=6),  # dead: nothing reads it and no output of its level is read out
    plain(3, 4, output=True),
    plain(3, 6, level=4, output=True),
    levels=(3, 4),
)


def changed(position: int, **values: object) -> Architecture:
    blocks = list(BASE.blocks)
    blocks[position] = replace(blocks[position], **values)
    return replace(BASE, blocks=tuple(blocks))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(changed(4, inputs=(4, 3)), id="parents swapped"),
        pytest.param(changed(3, inputs=(0, 1), dilation=4, type="residual"), id="dead block"),
        pytest.param(replace(BASE, blocks=BASE.blocks[:3] + tuple(
            replace(b, inputs=tuple(p - (p > 5) for p in b.inputs)) for b in BASE.blocks[4:]
        )), id="dead block left out"),
        pytest.param(architecture(
            BASE.blocks[0], BASE.blocks[2], BASE.blocks[1], *(
                replace(b, inputs=tuple({3: 4, 4: 3}.get(p, p) for p in b.inputs))
                for b in BASE.blocks[3:]
            ), levels=(3, 4)), id="independent blocks exchanged"),
        pytest.param(changed(3, output=True), id="dead block marked as an output"),
    ],
)  # fmt: skip
def test_what_builds_the_same_network_keeps_the_key(other):
    assert other != BASE
    assert canonical_key(other) == canonical_key(BASE)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(changed(1, level=6), id="level"),
        pytest.param(changed(1, type="bottleneck"), id="type"),
        pytest.param(changed(1, dilation=1), id="dilation"),
        pytest.param(changed(1, inputs=(0, 2)), id="parent"),
        pytest.param(changed(5, inputs=(4, 6)), id="parent of an output"),
        pytest.param(replace(BASE, output_levels=(3,)), id="output levels"),
        pytest.param(replace(BASE, stem=(STEM[0], replace(STEM[1], dilation=2))), id="stem"),
        pytest.param(replace(BASE, stem=(replace(STEM[0], dilation=2), STEM[1])), id="stem order"),
    ],
)
def test_a_single_change_to_a_built_block_changes_the_key(other):
    assert canonical_key(other) != canonical_key(BASE)


def test_which_level_is_read_out_counts_even_where_all_blocks_are_built():
    both = architecture(plain(0, 1, output=True), plain(1, 2, level=4, output=True), levels=(3, 4))
    coarse = replace(both, output_levels=(4,))
    assert both.alive == coarse.alive
    assert canonical_key(both) != canonical_key(coarse)


def test_the_key_is_16_hex_digits_and_never_changes():
    # Keys stand in files and ledgers: a new one would make every old record look different.
    assert canonical_key(BASE) == "05c82568553ef338"
    assert canonical_key(cycles(3, 5)) == "401a4d71f85b55e2"


def test_numpy_numbers_make_the_same_key():
    blocks = [replace(b, level=np.int64(b.level), dilation=np.int64(b.dilation))
              for b in BASE.blocks]  # fmt: skip
    assert canonical_key(replace(BASE, blocks=tuple(blocks))) == canonical_key(BASE)


def test_baselines_differ_by_stages_and_stride():
    specs = [DilatedResNet((3, 4, 6, 3), 8), DilatedResNet(), DilatedResNet((3, 4, 23, 3), 8)]
    keys = [canonical_key(spec) for spec in specs]
    assert all(a != b for a, b in combinations(keys, 2))
    assert canonical_key(DilatedResNet([3, 4, 6, 3], 8)) == keys[0]
