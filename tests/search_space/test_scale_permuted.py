import pickle
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations, permutations, product
from math import comb, factorial, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_space.architecture import STEM, Architecture, Block
from search_space.canonical import canonical_key
from search_space.errors import UserError
from search_space.genes import sample
from search_space.scale_permuted import ScalePermutedSpace
from tests.oracles.architecture_pairs import built_graph, same_network

SPACES = [
    ScalePermutedSpace(),
    ScalePermutedSpace(stages={2: 2, 3: 1, 7: 1}, output_levels=[2, 3, 4, 5, 6], dilations=[1]),
    ScalePermutedSpace(stages=((2, 2), (4, 3)), output_levels=(3,), max_level=4, dilations=(1, 3)),
]
TINY = ScalePermutedSpace(stages=((2, 1),), output_levels=(3,), max_level=3, dilations=(1, 2))


@st.composite
def members(draw):
    space = draw(st.sampled_from(SPACES))
    return space, tuple(draw(st.integers(0, gene.radix - 1)) for gene in space.genes)


@settings(max_examples=200, deadline=None)
@given(members())
def test_every_genotype_decodes_and_encodes_back_to_the_same_architecture(member):
    space, genotype = member
    architecture = space.decode(genotype)  # its own checks raise if it is not valid
    encoded = space.encode(architecture)
    assert space.decode(encoded) == architecture
    assert space.encode(space.decode(encoded)) == encoded
    assert all(0 <= v < gene.radix for v, gene in zip(encoded, space.genes, strict=True))


@settings(max_examples=100, deadline=None)
@given(members())
def test_decoded_architectures_have_the_blocks_of_the_space(member):
    space, genotype = member
    architecture = space.decode(genotype)
    count = sum(count for _, count in space.stages)
    assert architecture.stem == STEM
    assert [b.output for b in architecture.blocks] == [False] * count + [True] * len(
        space.output_levels
    )
    assert sorted(b.level for b in architecture.blocks[count:]) == list(space.output_levels)
    assert all(2 <= b.level <= space.max_level for b in architecture.blocks)
    assert {b.dilation for b in architecture.blocks} <= set(space.dilations)
    assert all(b.inputs[0] < b.inputs[1] for b in architecture.blocks)


def test_the_default_is_resnet_50_less_stem_and_outputs():
    space = ScalePermutedSpace()
    names = [gene.name for gene in space.genes]
    assert names[:13] == [
        *(f"order.{i:02d}" for i in range(10)), "outputs.00", "outputs.01", "b02.level",
    ]  # fmt: skip
    assert names[13:19] == [
        "b02.type", "b02.dilation", "b03.inputs", "b03.level", "b03.type", "b03.dilation",
    ]  # fmt: skip
    assert names[-3:] == ["b15.inputs", "b15.type", "b15.dilation"]
    wirings = prod(comb(i, 2) for i in range(2, 16))
    assert space.size == factorial(11) * factorial(3) * wirings * 4**11 * 2**14 * 3**14
    assert min(gene.radix for gene in space.genes) == 2


def test_the_offset_applies_to_the_block_that_the_permutation_places_there():
    space = ScalePermutedSpace(stages=((2, 1), (5, 1)), output_levels=(4,), dilations=(1,))
    at = {gene.name: i for i, gene in enumerate(space.genes)}
    genotype = [0] * len(space.genes)
    genotype[at["b02.level"]], genotype[at["b03.level"]] = 1, 3  # offsets 0 and +2
    assert [b.level for b in space.decode(tuple(genotype)).blocks] == [2, 7, 4]
    genotype[at["order.00"]] = 1
    assert [b.level for b in space.decode(tuple(genotype)).blocks] == [5, 4, 4]


def test_levels_are_kept_within_the_limits():
    space = ScalePermutedSpace(stages=((2, 1), (5, 1)), output_levels=(4,), max_level=6)
    at = {gene.name: i for i, gene in enumerate(space.genes)}
    genotype = [0] * len(space.genes)
    genotype[at["b03.level"]] = 3
    assert [b.level for b in space.decode(tuple(genotype)).blocks[:2]] == [2, 6]


def written_down(space: ScalePermutedSpace) -> set[Architecture]:
    """All members from the rules alone: reachable levels, types, parent pairs, dilations."""
    bases = [level for level, count in space.stages for _ in range(count)]
    moved = product(*([max(2, min(space.max_level, b + o)) for o in (-1, 0, 1, 2)] for b in bases))
    orders = {order for levels in moved for order in permutations(levels)}
    count = len(bases) + len(space.output_levels)
    natures = list(product(("bottleneck", "residual"), space.dilations))
    wirings = list(product(*(combinations(range(2 + place), 2) for place in range(count))))
    return {
        Architecture(
            STEM,
            tuple(
                Block(level, kind, inputs, dilation, output=place >= len(bases))
                for place, (level, inputs, (kind, dilation)) in enumerate(
                    zip((*order, *outputs), wiring, choices, strict=True)
                )
            ),
            space.output_levels,
        )
        for order in orders
        for outputs in permutations(space.output_levels)
        for wiring in wirings
        for choices in product(natures, repeat=count)
    }


def networks(architectures: Iterable[Architecture]) -> int:
    """Classes of the same network as networkx tells them; only equal looks can be equal."""
    classes: dict[object, list[Architecture]] = {}
    for architecture in architectures:
        graph = built_graph(architecture)
        what = sorted(map(str, dict(graph.nodes(data="what")).values()))
        known = classes.setdefault((tuple(what), graph.number_of_edges()), [])
        if not any(same_network(architecture, other) for other in known):
            known.append(architecture)
    return sum(map(len, classes.values()))


@pytest.mark.parametrize(
    ("space", "size", "architectures"),
    [
        (TINY, 192, 96),
        (ScalePermutedSpace(((2, 1),), (2, 3), 3, (1,)), 2 * 4 * 3 * 6 * 2**3, 2 * 2 * 18 * 8),
        (ScalePermutedSpace(((2, 2),), (3,), 3, (1,)), 2 * 4**2 * 3 * 6 * 2**3, 4 * 18 * 8),
        (ScalePermutedSpace(((2, 1), (5, 1)), (4,), 5, (1,)), 2 * 4**2 * 18 * 2**3, 11 * 18 * 8),
        (ScalePermutedSpace(((7, 1),), (7,), 7, (3, 5)), 4 * 3 * 4**2, 2 * 3 * 4**2),
    ],
)
def test_a_small_space_has_the_reported_size_and_the_members_one_can_write_down(
    space, size, architectures
):
    genotypes = list(product(*(range(gene.radix) for gene in space.genes)))
    assert space.size == len(genotypes) == size
    decoded = {space.decode(genotype) for genotype in genotypes}
    assert decoded == written_down(space)
    assert len(decoded) == architectures
    assert {space.decode(space.encode(architecture)) for architecture in decoded} == decoded
    assert len({canonical_key(architecture) for architecture in decoded}) == networks(decoded)


def test_all_output_orders_are_reached():
    space = ScalePermutedSpace(stages=((2, 1),), output_levels=(2, 4, 6), dilations=(1,))
    rng = np.random.default_rng(0)
    drawn = (space.decode(sample(space.genes, rng)) for _ in range(300))
    assert {tuple(b.level for b in a.blocks[1:]) for a in drawn} == set(permutations((2, 4, 6)))


def test_parents_in_falling_order_are_encoded_as_the_same_network():
    architecture = ScalePermutedSpace().decode(
        sample(ScalePermutedSpace().genes, np.random.default_rng(0))
    )
    last = architecture.blocks[-1]
    turned = replace(
        architecture,
        blocks=(*architecture.blocks[:-1], replace(last, inputs=last.inputs[::-1])),
    )
    assert ScalePermutedSpace().encode(turned) == ScalePermutedSpace().encode(architecture)


def test_the_key_is_that_of_the_decoded_architecture():
    space = ScalePermutedSpace()
    genotype = sample(space.genes, np.random.default_rng(3))
    assert space.key(genotype) == canonical_key(space.decode(genotype))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: replace(a, stem=(STEM[0], replace(STEM[1], dilation=2))), "stem: "),
        (lambda a: replace(a, stem=(*STEM, STEM[0])), "stem: "),
        (lambda a: replace(a, blocks=(a.blocks[0], *a.blocks)), "blocks: .* has 2 .* but got 3"),
        (lambda a: edited(a, 0, dilation=4), "block 2: dilation must be one of .* but got 4"),
        (lambda a: edited(a, 0, level=4), r"block 2: level 4 is out of reach: base levels \[2\]"),
        (lambda a: edited(a, 0, level=4, output=True), "block 2: .* but this block is an output"),
        (
            lambda a: Architecture(STEM, (a.blocks[0], replace(a.blocks[1], level=2)), (2,)),
            r"output_levels: this space reads out \[3\] but got \[2\]",
        ),
    ],
)
def test_an_architecture_outside_of_the_space_is_refused_by_block_and_rule(change, message):
    inside = TINY.decode((0,) * len(TINY.genes))
    with pytest.raises(UserError, match=message) as caught:
        TINY.encode(change(inside))
    assert "\n" not in str(caught.value)


def edited(architecture: Architecture, position: int, **values: object) -> Architecture:
    blocks = list(architecture.blocks)
    blocks[position] = replace(blocks[position], **values)
    return replace(architecture, blocks=tuple(blocks))


def test_a_genotype_outside_of_the_box_is_refused_by_gene():
    with pytest.raises(ValueError, match=r"b02\.type must be between 0 and 1 but got 2"):
        TINY.decode((0, 2, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"stages": ()}, "stages must be"),
        ({"stages": 3}, "stages must be pairs of a level and a count but got 3"),
        ({"stages": (3, 4)}, "stages must be pairs of a level and a count"),
        ({"stages": ((3, 4, 5),)}, "stages must be pairs of a level and a count"),
        ({"stages": ((8, 1),)}, "stages: levels must lie between 2 and max_level 7 but got 8"),
        ({"stages": ((2, 0),)}, "stages: level 2 must have at least 1 block but got 0"),
        ({"stages": ((2, 1), (2, 1))}, "stages: levels must rise, each value once"),
        ({"stages": ((6, 1),), "max_level": 5}, "between 2 and max_level 5 but got 6"),
        ({"output_levels": ()}, "output_levels must be whole numbers, at least one"),
        ({"output_levels": 3}, "output_levels must be a list of whole numbers but got 3"),
        ({"output_levels": (4, 3)}, "output_levels must rise, each value once, but got"),
        ({"output_levels": (1, 3)}, "output_levels must lie between 2 and max_level 7 but got 1"),
        ({"max_level": 8}, "max_level must be between 2 and 7 but got 8"),
        ({"max_level": 5.0}, "max_level must be between 2 and 7 but got 5.0"),
        ({"dilations": (0, 1)}, "dilations must be at least 1 but got 0"),
        ({"dilations": (1, 1)}, "dilations must rise"),
        ({"dilations": (1.5,)}, "dilations must be whole numbers"),
        ({"window": 1}, "window must be a whole number, at least 2, but got 1"),
        ({"choices": 3}, "choices must be pairs of an attribute and values but got 3"),
        ({"choices": {"hue": (1, 2)}}, "choices: unknown attribute 'hue': "),
        ({"choices": {"dilation": (1, 2)}}, "choices: unknown attribute 'dilation': "),
    ],
)
def test_bad_parameters_are_refused_by_name(parameters, message):
    with pytest.raises(UserError, match=message):
        ScalePermutedSpace(**parameters)


def test_a_space_can_be_hashed_compared_and_pickled():
    space = ScalePermutedSpace(stages={3: 2, 2: 1}, dilations=[1, 2])
    assert space == ScalePermutedSpace(stages=((2, 1), (3, 2)), dilations=(1, 2))
    assert space.genes
    assert pickle.loads(pickle.dumps(space)) == space
    assert len({space, ScalePermutedSpace()}) == 2


def test_a_window_holds_for_intermediate_blocks_alone():
    space, wide = ScalePermutedSpace(window=4), ScalePermutedSpace()
    rng, found, outputs = np.random.default_rng(0), set(), set()
    genotype = space.sample(rng)
    for _ in range(200):
        genotype = space.mutate(genotype, rng)
        for index, block in enumerate(space.decode(genotype).blocks, len(STEM)):
            reach = index - min(block.inputs)
            (outputs if block.output else found).add(reach)
    assert max(found) == 4
    assert max(outputs) > 4
    outside = next(a for _ in range(99) if not _within(a := wide.decode(wide.sample(rng)), 4))
    with pytest.raises(UserError, match=r"block \d+: in this space it reads two of the 4 blocks"):
        space.encode(outside)


def _within(architecture: Architecture, window: int) -> bool:
    numbered = enumerate(architecture.blocks, len(STEM))
    return all(b.output or min(b.inputs) >= index - window for index, b in numbered)
