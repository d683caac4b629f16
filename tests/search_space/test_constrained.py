"""A space within limits gives nothing beyond them, however few networks that leaves."""

from __future__ import annotations

import numpy as np
import pytest

from search_space.constrained import ConstrainedSpace, network_figures
from search_space.cost import cost
from search_space.errors import UserError
from search_space.genes import Genotype
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale

SPACE = ScalePermutedSpace(max_level=6)
SCALE = Scale(filters=0.25, endpoint_filters=64, aspp_filters=64)
FIGURES = network_figures(
    SPACE,
    SCALE,
    classes=11,
    size=(96, 128),
    of=lambda cost: {
        "macs": cost.macs,
        "parameters": cost.parameters,
        "memory": cost.training_bytes(16),
    },
)
USUAL, SCARCE, NONE = 8.2e7, 6.3e7, 5e7
"""MACs: three in ten random networks keep to them, fewer than one in 500, none."""


def limited(macs: float) -> ConstrainedSpace:
    return ConstrainedSpace(SPACE, {"macs": macs}, FIGURES)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def macs_of(genotype: Genotype) -> int:
    return cost(SPACE.decode(genotype), SCALE, 11, (96, 128)).macs


@pytest.mark.parametrize("macs", [USUAL, SCARCE])
def test_samples_neighbours_and_mixtures_keep_to_the_limit(macs: float) -> None:
    space, draws = limited(macs), rng()
    sampled = [space.sample(draws) for _ in range(6)]
    varied = [space.mutate(genotype, draws) for genotype in sampled]
    varied += [space.cross(sampled[0], genotype, draws) for genotype in sampled[1:]]
    assert all(macs_of(genotype) <= macs for genotype in sampled + varied)
    assert len({space.key(genotype) for genotype in sampled}) == 6


def test_what_is_allowed_is_what_costs_no_more() -> None:
    draws = rng()
    genotypes = [SPACE.sample(draws) for _ in range(40)]
    allowed = [limited(USUAL).allows(genotype) for genotype in genotypes]
    assert allowed == [macs_of(genotype) <= USUAL for genotype in genotypes]
    assert set(allowed) == {True, False}


def test_every_limit_counts() -> None:
    draws, narrow = rng(), {"macs": 1e12, "parameters": 9e5, "memory": 1.1e8}
    space = ConstrainedSpace(SPACE, narrow, FIGURES)
    found = cost(SPACE.decode(space.sample(draws)), SCALE, 11, (96, 128))
    assert found.parameters <= narrow["parameters"]
    assert found.training_bytes(16) <= narrow["memory"]
    beyond = next(g for g in iter(lambda: SPACE.sample(draws), None) if not space.allows(g))
    assert "macs" not in space.beyond(beyond)
    assert space.beyond(space.sample(draws)) == ""


def test_a_limit_that_nothing_keeps_to_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"nearest has macs [5-6]\.\d+e\+07 > 5e\+07"):
        limited(NONE).sample(rng())


def test_where_no_neighbour_is_allowed_a_sample_takes_its_place() -> None:
    draws = rng()
    heavy = max((SPACE.sample(draws) for _ in range(200)), key=macs_of)
    space = limited(SCARCE)  # too far for one mutation of the heaviest
    assert space.allows(space.mutate(heavy, draws))
    assert space.allows(space.cross(heavy, heavy, draws))


def test_the_same_random_state_gives_the_same() -> None:
    first, again = limited(SCARCE), limited(SCARCE)
    again.sample(np.random.default_rng(7))  # what it remembers changes nothing
    assert first.sample(rng()) == again.sample(rng())
