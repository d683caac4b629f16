from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import combinations, pairwise
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_space.architecture import BLOCK_TYPES, STEM, Architecture, Block
from search_space.errors import UserError
from search_space.genes import Genotype, check, sample
from search_space.scale_permuted import ScalePermutedSpace

SPACES = [
    ScalePermutedSpace(),
    ScalePermutedSpace(stages=((2, 2), (3, 1), (7, 1)), output_levels=(2, 3, 5), dilations=(1,)),
    ScalePermutedSpace(stages=((2, 1),), output_levels=(2,), max_level=2, dilations=(1,)),
]
seeds = st.integers(0, 2**32)


def changes(a: Architecture, b: Architecture) -> dict[str, list[int]]:
    """The positions at which each attribute differs."""
    pairs = list(enumerate(zip(a.blocks, b.blocks, strict=True)))
    found = {
        name: [i for i, (x, y) in pairs if getattr(x, name) != getattr(y, name)]
        for name in ("inputs", "level", "type", "dilation", "output")
    }
    return {name: where for name, where in found.items() if where}


def swapped(a: Architecture, b: Architecture) -> bool:
    """Whether two blocks changed places with all but their wiring."""
    where = sorted({i for positions in changes(a, b).values() for i in positions})
    nature = [[(x.blocks[i].level, x.blocks[i].type, x.blocks[i].dilation) for i in where]
              for x in (a, b)]  # fmt: skip
    return len(where) == 2 and nature[0] == nature[1][::-1]


def kind_of(a: Architecture, b: Architecture, intermediates: int) -> str:
    """Names the mutation from a to b; fails if it is none."""
    found = changes(a, b)
    if found.keys() == {"inputs"}:
        (position,) = found["inputs"]
        kept = set(a.blocks[position].inputs) & set(b.blocks[position].inputs)
        assert len(kept) == 1
        return "rewire"
    if [len(where) for where in found.values()] == [1]:
        return next(iter(found))
    assert "inputs" not in found
    assert swapped(a, b)
    sides = {position < intermediates for where in found.values() for position in where}
    assert len(sides) == 1
    return "swap intermediates" if sides.pop() else "swap outputs"


@settings(max_examples=200, deadline=None)
@given(space=st.sampled_from(SPACES), seed=seeds)
def test_a_mutation_is_one_valid_change_of_one_kind(space, seed):
    rng = np.random.default_rng(seed)
    genotype = sample(space.genes, rng)
    mutant = space.mutate(genotype, rng)
    check(space.genes, mutant)
    assert kind_of(space.decode(genotype), space.decode(mutant), sum(c for _, c in space.stages))


def test_the_kinds_of_mutation_are_drawn_alike():
    space, rng = SPACES[0], np.random.default_rng(0)
    counts: Counter[str] = Counter()
    for _ in range(900):
        genotype = sample(space.genes, rng)
        mutant = space.mutate(genotype, rng)
        counts[kind_of(space.decode(genotype), space.decode(mutant), 11)] += 1
    assert counts.keys() == {
        "swap intermediates", "swap outputs", "rewire", "level", "type", "dilation",
    }  # fmt: skip
    assert 100 < min(counts.values()) <= max(counts.values()) < 200  # 150 expected of each


SMALL = ScalePermutedSpace(((2, 2), (4, 1)), output_levels=(2, 3), max_level=5, dilations=(1, 2))
TINY = ScalePermutedSpace(((2, 1),), output_levels=(3,), max_level=4, dilations=(1, 2, 4))


def member(space: ScalePermutedSpace, *natures: tuple[int, str, int]) -> Architecture:
    """Every block reads the first two."""
    first = len(natures) - len(space.output_levels)
    blocks = [Block(level, kind, (0, 1), ratio, position >= first)
              for position, (level, kind, ratio) in enumerate(natures)]  # fmt: skip
    return Architecture(STEM, tuple(blocks), space.output_levels)


Nearby = tuple[Architecture, str, tuple[int, ...]]


def nearby(space: ScalePermutedSpace, a: Architecture) -> Iterator[Nearby]:
    """All that differ from it in one value, or by a swap: with the kind and the positions."""
    for position, block in enumerate(a.blocks):
        pairs = combinations(range(len(STEM) + position), 2)
        rewired = [pair for pair in pairs if len({*pair, *block.inputs}) == 3]
        options = {"inputs": rewired, "type": BLOCK_TYPES, "dilation": space.dilations}
        options["level"] = () if block.output else range(2, 8)
        for name, values in options.items():
            for value in values:
                if value != getattr(block, name):
                    blocks = list(a.blocks)
                    blocks[position] = replace(block, **{name: value})
                    yield replace(a, blocks=tuple(blocks)), name, (position,)
    for i, j in combinations(range(len(a.blocks)), 2):
        one, two = a.blocks[i], a.blocks[j]
        if one.output == two.output and replace(one, inputs=two.inputs) != two:
            blocks = list(a.blocks)
            blocks[i], blocks[j] = replace(two, inputs=one.inputs), replace(one, inputs=two.inputs)
            yield replace(a, blocks=tuple(blocks)), f"swap, {one.output}", (i, j)


def chances(space: ScalePermutedSpace, a: Architecture) -> dict[Genotype, float]:
    """The kind is drawn uniformly, then the block or the pair, then the change."""
    found: dict[str, dict[tuple[int, ...], list[Genotype]]] = {}
    for b, kind, where in nearby(space, a):
        with suppress(UserError):  # a level out of reach
            genotype = space.encode(b)
            found.setdefault(kind, {}).setdefault(where, []).append(genotype)
    return {
        genotype: 1 / len(found) / len(places) / len(options)
        for places in found.values()
        for options in places.values()
        for genotype in options
    }


TWINS = (2, "residual", 1), (2, "residual", 1)
OUTPUTS = (2, "residual", 2), (3, "bottleneck", 1)


@pytest.mark.parametrize(
    ("space", "natures"),
    [
        (SMALL, [(2, "residual", 1), (3, "residual", 1), (5, "bottleneck", 2), *OUTPUTS]),
        (SMALL, [*TWINS, (3, "residual", 2), *OUTPUTS]),
        (SMALL, [*[(3, "residual", 1)] * 3, *OUTPUTS]),  # none of three alike can be swapped
        (TINY, [(2, "residual", 1), OUTPUTS[1]]),  # nor a pair that is none; half can be rewired
    ],
)
def test_kind_block_and_change_are_drawn_uniformly_one_after_the_other(space, natures):
    architecture = member(space, *natures)
    expected = chances(space, architecture)
    assert sum(expected.values()) == pytest.approx(1)
    rng, genotype, draws = np.random.default_rng(0), space.encode(architecture), 3000
    counts = Counter(space.mutate(genotype, rng) for _ in range(draws))
    assert counts.keys() == expected.keys()
    chi_square = sum((counts[g] - draws * p) ** 2 / (draws * p) for g, p in expected.items())
    freedom = len(expected) - 1
    assert chi_square < freedom + 4 * sqrt(2 * freedom)  # mean and four standard deviations


@pytest.mark.parametrize("space", SPACES[:2])
def test_mutations_come_to_touch_every_gene(space):
    rng = np.random.default_rng(0)
    genotype = sample(space.genes, rng)
    touched: set[str] = set()
    for _ in range(600):
        mutant = space.mutate(genotype, rng)
        pairs = zip(space.genes, genotype, mutant, strict=True)
        touched |= {gene.name for gene, old, new in pairs if old != new}
        genotype = mutant
    assert touched == {gene.name for gene in space.genes}


def test_mutations_reach_the_whole_of_a_small_space():
    space = ScalePermutedSpace(stages=((2, 1),), output_levels=(3,), max_level=3, dilations=(1, 2))
    rng = np.random.default_rng(0)
    genotype = sample(space.genes, rng)
    seen = set()
    for _ in range(1500):
        genotype = space.mutate(genotype, rng)
        seen.add(genotype)
    assert len(seen) == 96


@settings(max_examples=200, deadline=None)
@given(space=st.sampled_from(SPACES), seed=seeds)
def test_a_child_has_each_blocks_wiring_type_and_dilation_from_one_parent(space, seed):
    rng = np.random.default_rng(seed)
    a, b = sample(space.genes, rng), sample(space.genes, rng)
    child = space.cross(a, b, rng)
    check(space.genes, child)
    blocks = (space.decode(g).blocks for g in (child, a, b))
    for block, *parents in zip(*blocks, strict=True):
        assert (block.inputs, block.type, block.dilation) in [
            (p.inputs, p.type, p.dilation) for p in parents
        ]


def test_levels_too_come_from_the_parents_unless_the_mixture_is_out_of_reach():
    space, rng = SPACES[0], np.random.default_rng(0)
    from_parents = total = 0
    for _ in range(200):
        a, b = sample(space.genes, rng), sample(space.genes, rng)
        child, one, two = (space.decode(g).blocks[:11] for g in (space.cross(a, b, rng), a, b))
        for block, x, y in zip(child, one, two, strict=True):
            assert block.level in (x.level, y.level)
            wanted = x if block.inputs == x.inputs else y
            from_parents += block.level == wanted.level
            total += 1
    assert from_parents / total > 0.9


def test_a_mixture_out_of_reach_gives_up_only_the_levels_that_do_not_fit():
    space = ScalePermutedSpace(stages=((2, 2), (5, 1)), output_levels=(3,), dilations=(1,))

    def member(kind: str, *levels: int) -> tuple[int, ...]:
        blocks = [Block(level, kind, (0, 1)) for level in levels]
        return space.encode(
            Architecture(STEM, (*blocks, Block(3, kind, (0, 1), output=True)), (3,))
        )

    a, b = member("bottleneck", 2, 2, 6), member("residual", 6, 4, 2)
    children = (
        space.decode(space.cross(a, b, np.random.default_rng(seed))).blocks[:3]
        for seed in range(100)
    )
    levels = {
        tuple(block.type == "residual" for block in child): tuple(block.level for block in child)
        for child in children
    }
    assert levels[True, True, False] == (2, 4, 6)  # 6, 4, 6 has two blocks that only one can be
    assert levels[False, True, True] == (2, 4, 2)  # the base of level 5 can be the 4
    assert levels[False, True, False] == (2, 4, 6)
    assert levels[True, True, True] == (6, 4, 2)


def test_crossover_mixes_at_a_cut_and_block_by_block():
    space, rng = SPACES[0], np.random.default_rng(0)
    a, b = sample(space.genes, rng), sample(space.genes, rng)
    switches: Counter[int] = Counter()
    for _ in range(200):
        child, one, two = (space.decode(g).blocks for g in (space.cross(a, b, rng), a, b))
        origin = [
            c.inputs == x.inputs
            for c, x, y in zip(child, one, two, strict=True)
            if x.inputs != y.inputs
        ]
        switches[sum(p != q for p, q in pairwise(origin))] += 1
    assert 60 < switches[1] < 140  # half of the children have one cut
    assert max(switches) > 5


@settings(max_examples=50, deadline=None)
@given(space=st.sampled_from(SPACES), seed=seeds)
def test_a_parent_crossed_with_itself_is_itself(space, seed):
    rng = np.random.default_rng(seed)
    genotype = sample(space.genes, rng)
    assert space.decode(space.cross(genotype, genotype, rng)) == space.decode(genotype)


@pytest.mark.parametrize("space", SPACES)
def test_variation_is_a_function_of_the_generator(space):
    a, b = (sample(space.genes, np.random.default_rng(s)) for s in (1, 2))

    def draw(seed: int) -> list[tuple[int, ...]]:
        rng = np.random.default_rng(seed)
        return [f for _ in range(5) for f in (space.mutate(a, rng), space.cross(a, b, rng))]

    assert draw(0) == draw(0) != draw(1)
