"""Every search space: a meaning for each genotype in the box, and variation that stays in it."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pytest

from search_space.constrained import ConstrainedSpace, network_figures
from search_space.genes import Genotype, SearchSpace, check, sample
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale
from search_space.spine import SpineSpace
from search_space.tabular import TabularSpace
from tests.support.implementations import implementations

WHOLE = ScalePermutedSpace()
FINE = ScalePermutedSpace(stages=((2, 2), (4, 3)), output_levels=(3,), max_level=4, dilations=(1,))
SPINE = SpineSpace("efficientnet-lite0")
SCALE = Scale(filters=0.25, endpoint_filters=64, aspp_filters=64)
MACS = network_figures(WHOLE, SCALE, 11, (96, 128), lambda cost: {"macs": cost.macs})
CHOICES = {
    "width": (0.5, 1.0),
    "separable": (False, True),
    "head": ("scale", "fpn"),
    "head_width": (0.5, 1.0),
    "head_separable": (False, True),
    "zoom": (0.5, 0.75, 1.0),
}
SPACES: dict[str, SearchSpace] = {
    "scale-permuted": WHOLE,
    "scale-permuted, few choices": FINE,
    "scale-permuted, small crops": ScalePermutedSpace(crop=(64, 96)),
    "scale-permuted, every choice": ScalePermutedSpace(choices=CHOICES, crop=(96, 128)),
    "scale-permuted, a window of parents": ScalePermutedSpace(window=4),
    "spine": SPINE,
    "spine, every choice": SpineSpace("efficientnet-lite0", choices=CHOICES, crop=(96, 128)),
    "spine, several encoders": SpineSpace(
        "efficientnet-lite0", 3, encoders=("efficientnet-lite1", "efficientnet-lite2")
    ),
    "spine, small crops": SpineSpace("efficientnet-lite0", crop=(40, 96)),
    "spine, few choices": SpineSpace("efficientnet-lite2", 2, (4,), (3, 4), (1,)),
    "constrained": ConstrainedSpace(WHOLE, {"macs": 8e7}, MACS),
    "tabular": TabularSpace({f"{a}7{b}": {"accuracy": 0.0} for a, b in product("135", "0258")}),
}
DRAWS = 30


@pytest.fixture(params=SPACES)
def space(request: pytest.FixtureRequest) -> SearchSpace:
    return SPACES[request.param]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def in_the_box(space: SearchSpace) -> list[Genotype]:
    """Corners of the box and draws from it, allowed or not."""
    lowest = tuple(0 for _ in space.genes)
    highest = tuple(gene.radix - 1 for gene in space.genes)
    draws = rng()
    return [lowest, highest, *(sample(space.genes, draws) for _ in range(DRAWS))]


def may_be_trained(space: SearchSpace, genotype: Genotype) -> bool:
    check(space.genes, genotype)
    assert type(genotype) is tuple
    assert {type(value) for value in genotype} == {int}
    return space.allows(genotype)


def test_every_search_space_is_held_to_this_suite() -> None:
    known = {f"{type(each).__module__}.{type(each).__name__}" for each in SPACES.values()}
    assert implementations("decode", "encode", "mutate", "cross") == known


def test_genes_have_readable_names_of_their_own_and_a_choice(space: SearchSpace) -> None:
    names = [gene.name for gene in space.genes]
    assert len(set(names)) == len(names) > 0
    assert all(re.fullmatch(r"[a-z]\w*(\.\w+)*", name) for name in names)
    assert all(gene.radix >= 2 for gene in space.genes)
    assert space.genes == space.genes


def test_every_genotype_decodes_and_encodes_back_to_the_same(space: SearchSpace) -> None:
    for genotype in in_the_box(space):
        architecture = space.decode(genotype)
        encoded = space.encode(architecture)
        check(space.genes, encoded)
        assert space.decode(encoded) == architecture
        assert space.key(encoded) == space.key(genotype)


def test_a_genotype_outside_of_the_box_is_refused_by_the_name_of_its_gene(
    space: SearchSpace,
) -> None:
    lowest = tuple(0 for _ in space.genes)
    for place, gene in enumerate(space.genes):
        beyond = (*lowest[:place], gene.radix, *lowest[place + 1 :])
        with pytest.raises(ValueError, match=re.escape(gene.name)):
            space.decode(beyond)
    with pytest.raises(ValueError, match=f"{len(lowest)} genes"):
        space.decode((*lowest, 0))


def test_samples_may_be_trained_and_differ(space: SearchSpace) -> None:
    draws = rng()
    sampled = [space.sample(draws) for _ in range(DRAWS)]
    assert all(may_be_trained(space, each) for each in sampled)
    assert len({space.key(each) for each in sampled}) > DRAWS / 4


def test_mutants_may_be_trained_and_are_other_architectures(space: SearchSpace) -> None:
    draws = rng()
    for _ in range(DRAWS):
        parent = space.sample(draws)
        mutant = space.mutate(parent, draws)
        assert may_be_trained(space, mutant)
        assert space.decode(mutant) != space.decode(parent)


def test_mixtures_may_be_trained_and_are_not_always_a_parent(space: SearchSpace) -> None:
    draws, others = rng(), 0
    for _ in range(DRAWS):
        a, b = space.sample(draws), space.sample(draws)
        mixture = space.cross(a, b, draws)
        assert may_be_trained(space, mixture)
        others += space.key(mixture) not in {space.key(a), space.key(b)}
    assert others > 0


def test_all_that_is_drawn_comes_from_the_generator_that_is_given(space: SearchSpace) -> None:
    def drawn(seed: int) -> list[Genotype]:
        draws = rng(seed)
        a, b = space.sample(draws), space.sample(draws)
        return [a, b, space.mutate(a, draws), space.cross(a, b, draws)]

    first = drawn(3)
    np.random.seed(5)
    before = np.random.get_state()[1].tolist()
    assert drawn(3) == first
    assert np.random.get_state()[1].tolist() == before
    assert drawn(4) != first


def test_what_is_asked_of_a_genotype_is_the_same_each_time(space: SearchSpace) -> None:
    for genotype in in_the_box(space)[:6]:
        assert space.decode(genotype) == space.decode(genotype)
        assert space.key(genotype) == space.key(genotype)
        assert space.allows(genotype) == space.allows(genotype)


def test_features_are_finite_and_of_one_shape(space: SearchSpace) -> None:
    shapes = set()
    for genotype in in_the_box(space):
        groups = space.features(genotype)
        assert all(np.isfinite(values).all() for values in groups.values())
        shapes.add(tuple((name, values.shape) for name, values in groups.items()))
    assert len(shapes) == 1
