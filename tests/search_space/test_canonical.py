from dataclasses import replace
from itertools import combinations, pairwise
from time import perf_counter

import networkx as nx
import numpy as np
import pytest

from search_space.architecture import Architecture, Block
from search_space.canonical import canonical_key
from search_space.resnet import DilatedResNet

STEM = (Block(2, "bottleneck"), Block(2, "bottleneck"))


def architecture(*blocks: Block, levels: tuple[int, ...] = (3,)) -> Architecture:
    return Architecture(STEM, blocks, levels)


def plain(*inputs: int, level: int = 3, output: bool = False) -> Block:
    return Block(level, "bottleneck", inputs, output=output)


def built_graph(arch: Architecture) -> nx.DiGraph:
    """What gets built, straight from the definitions; compared by networkx."""
    graph = nx.DiGraph()
    read_out = set(arch.output_blocks.values())
    for i in arch.alive:
        block = arch.all_blocks[i]
        place = i if i < len(arch.stem) else None
        graph.add_node(i, what=(place, block.level, block.type, block.dilation, i in read_out))
        for parent in arch.parents[i]:
            graph.add_edge(parent, i, how="resampled")
        for other in arch.absorbed.get(i, ()):
            graph.add_edge(other, i, how="absorbed")
    return graph


def same_network(a: Architecture, b: Architecture) -> bool:
    return nx.is_isomorphic(
        built_graph(a),
        built_graph(b),
        node_match=lambda x, y: x["what"] == y["what"],
        edge_match=lambda x, y: x["how"] == y["how"],
    )


def crowded(rng: np.random.Generator) -> Architecture:
    """A small architecture in which twins, absorbed and dead blocks abound."""
    blocks = []
    for index in range(2, int(rng.integers(4, 9))):
        parents = sorted(rng.choice(index, 2, replace=False).tolist())
        kind = "residual" if rng.random() < 0.15 else "bottleneck"
        blocks.append(Block(3 if rng.random() < 0.8 else 4, kind, tuple(parents)))
    for level in (4, 3) if rng.random() < 0.5 else (3,):
        index = 2 + len(blocks)
        parents = sorted(rng.choice(index, 2, replace=False).tolist())
        blocks.append(Block(level, "bottleneck", tuple(parents), output=True))
    levels = (3, 4) if len([b for b in blocks if b.output]) > 1 and rng.random() < 0.5 else (3,)
    return architecture(*blocks, levels=levels)


def shuffled(arch: Architecture, rng: np.random.Generator) -> Architecture:
    """The same blocks in another order in which every block comes after those it reads."""
    stem, order = len(arch.stem), list(range(len(arch.stem)))
    left = list(range(stem, len(arch.all_blocks)))
    while left:
        needs = {i: {*arch.parents[i], *arch.absorbed.get(i, ())} for i in left}
        ready = [i for i in left if needs[i] <= set(order)]
        order.append(ready[int(rng.integers(len(ready)))])
        left.remove(order[-1])
    new = {old: position for position, old in enumerate(order)}
    blocks = [
        replace(arch.all_blocks[old], inputs=tuple(new[p] for p in arch.parents[old][::-1]))
        for old in order[stem:]
    ]
    return replace(arch, blocks=tuple(blocks))


def rewired(arch: Architecture, rng: np.random.Generator) -> Architecture:
    position = int(rng.integers(1, len(arch.blocks)))
    pair = sorted(rng.choice(position + 2, 2, replace=False).tolist())
    blocks = list(arch.blocks)
    blocks[position] = replace(blocks[position], inputs=tuple(pair))
    return replace(arch, blocks=tuple(blocks))


def test_keys_agree_with_graph_isomorphism_on_random_neighbours():
    rng = np.random.default_rng(0)
    same = 0
    for _ in range(500):
        arch = crowded(rng)
        for other in (shuffled(arch, rng), rewired(arch, rng), shuffled(rewired(arch, rng), rng)):
            expected = same_network(arch, other)
            same += expected
            assert (canonical_key(arch) == canonical_key(other)) == expected, (arch, other)
    assert 400 < same < 1300  # both answers are well represented


def test_keys_agree_with_graph_isomorphism_among_blocks_that_look_alike():
    rng = np.random.default_rng(1)
    groups: dict[tuple, list[Architecture]] = {}
    for _ in range(1000):
        arch = crowded(rng)
        graph = built_graph(arch)
        looks = tuple(sorted(map(str, dict(graph.nodes(data="what")).values())))
        groups.setdefault((looks, graph.number_of_edges()), []).append(arch)
    pairs = [pair for group in groups.values() for pair in pairwise(group)]
    assert len(pairs) > 500
    for a, b in pairs:
        assert (canonical_key(a) == canonical_key(b)) == same_network(a, b), (a, b)


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


def cycles(*lengths: int, seed: int = 0) -> Architecture:
    """Twins read in pairs along cycles: colours alone cannot tell the cycle lengths apart."""
    total, start, pairs = sum(lengths), 2, []
    for length in lengths:
        members = list(range(start, start + length))
        pairs += [(members[i], members[(i + 1) % length]) for i in range(length)]
        start += length
    np.random.default_rng(seed).shuffle(pairs)
    twins = [plain(0, 1, level=4) for _ in range(total)]
    return architecture(*twins, *(plain(*pair) for pair in pairs), plain(0, 1, output=True))


def test_graphs_that_colour_refinement_cannot_tell_apart_get_different_keys():
    assert canonical_key(cycles(6)) != canonical_key(cycles(3, 3))
    assert canonical_key(cycles(3, 5)) != canonical_key(cycles(4, 4))


@pytest.mark.parametrize("lengths", [(6,), (3, 3), (3, 5)])
def test_symmetric_graphs_get_one_key_however_they_are_numbered(lengths):
    assert len({canonical_key(cycles(*lengths, seed=seed)) for seed in range(8)}) == 1


def test_many_interchangeable_blocks_cost_no_factorial():
    began = perf_counter()
    twins = [plain(0, 1) for _ in range(14)]
    canonical_key(architecture(*twins, plain(0, 1, output=True)))
    assert perf_counter() - began < 2  # 14! certificates would take a year


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
