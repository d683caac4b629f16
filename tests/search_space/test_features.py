"""What a surrogate is told: figures of a small architecture by hand, and what must not matter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from search_space.architecture import STEM, Architecture, Block
from search_space.cost import cost, parts
from search_space.features import SIZE, architecture_features
from search_space.genes import sample
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale

SPACE = ScalePermutedSpace()

# Ids: stem 0, 1; 2 reads both; 3 is never built; 4 puts out level 3, reading 1 and 2.
ARCHITECTURE = Architecture(
    STEM,
    (
        Block(level=4, type="residual", inputs=(0, 1), dilation=4),
        Block(level=5, type="bottleneck", inputs=(0, 2), dilation=2),
        Block(level=3, type="bottleneck", inputs=(1, 2), dilation=2, output=True),
    ),
    (3,),
)


def test_figures_of_a_small_architecture_by_hand() -> None:
    found = architecture_features(ARCHITECTURE)
    assert found["order"].tolist() == [1, 1, 3, 0, 2]
    assert found["types"].tolist() == [-1, -1, 1, 0, -1]
    assert found["dilations"].tolist() == [0, 0, 2, 0, 1]
    assert found["profile"].tolist() == [2, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
    assert found["dilation"].tolist() == [0, 1, 2, 0, 0, 0]
    # From level 2: 0 to 1; 0 and 1 to 2 (level 4); 1 to 4 (level 3). From level 4: 2 to 4.
    connections = np.zeros((6, 6))
    connections[0, 0], connections[0, 2], connections[0, 1], connections[2, 1] = 1, 2, 1, 1
    assert found["connections"].tolist() == connections.ravel().tolist()
    # Ways to 4: 0-1-4, 0-2-4, 0-1-2-4.
    assert found["paths"] == pytest.approx([2, 3, np.log(3)])


def real_costs(architecture: Architecture) -> list[int]:
    known = cost(architecture, Scale(), 19, SIZE)
    kept = sum(part.activations for part in parts(architecture, Scale(), 19, SIZE))
    return [known.parameters, known.macs, kept, *known.receptive_fields.values()]


@pytest.mark.parametrize(
    "space", [SPACE, ScalePermutedSpace(stages=((2, 2), (5, 1)), output_levels=(2, 3))]
)
def test_costs_are_logarithms_of_the_real_ones(space: ScalePermutedSpace) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        architecture = space.decode(sample(space.genes, rng))
        found = np.exp(architecture_features(architecture)["cost"])
        assert found == pytest.approx(real_costs(architecture), rel=1e-9)


@pytest.mark.parametrize("inputs", [(0, 1), (0, 2)])
def test_a_stem_block_has_a_cost_only_if_it_is_built(inputs: tuple[int, int]) -> None:
    stem = (*STEM, Block(level=2, type="residual"))
    output = Block(level=3, type="bottleneck", inputs=inputs, output=True)
    architecture = Architecture(stem, (output,), (3,))
    found = np.exp(architecture_features(architecture)["cost"])
    assert found == pytest.approx(real_costs(architecture), rel=1e-9)


def test_a_block_that_is_never_built_changes_nothing() -> None:
    dead = Block(level=6, type="residual", inputs=(1, 2), dilation=1)
    other = replace(ARCHITECTURE, blocks=(ARCHITECTURE.blocks[0], dead, ARCHITECTURE.blocks[2]))
    a, b = architecture_features(ARCHITECTURE), architecture_features(other)
    assert all(np.array_equal(a[name], b[name]) for name in a)


def test_blocks_that_an_output_absorbs_count_as_connections() -> None:
    left = Block(level=3, type="bottleneck", inputs=(0, 1))  # nobody names it: the output adds it
    blocks = (ARCHITECTURE.blocks[0], left, ARCHITECTURE.blocks[2])
    found = architecture_features(replace(ARCHITECTURE, blocks=blocks))
    assert found["order"][3] == 2
    assert found["connections"].reshape(6, 6)[1, 1] == 1
    assert found["paths"] == pytest.approx([2, 3, np.log(5)])


def test_groups_have_one_length_for_all_of_a_space_and_are_finite() -> None:
    rng = np.random.default_rng(0)
    lengths = set()
    for _ in range(30):
        found = SPACE.features(sample(SPACE.genes, rng))
        lengths.add(tuple((name, values.shape) for name, values in found.items()))
        assert all(np.isfinite(values).all() for values in found.values())
    assert len(lengths) == 1


def test_a_mutant_of_another_network_has_other_features() -> None:
    rng = np.random.default_rng(0)
    genotype = sample(SPACE.genes, rng)
    for _ in range(40):
        mutant = SPACE.mutate(genotype, rng)
        if SPACE.key(mutant) != SPACE.key(genotype):
            a, b = SPACE.features(genotype), SPACE.features(mutant)
            assert any(not np.array_equal(a[name], b[name]) for name in a)
        genotype = mutant
