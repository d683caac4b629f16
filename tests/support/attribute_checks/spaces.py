"""A space chooses among its values, variation changes it, a surrogate is told of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from search_space.architecture import STEM, Architecture, Block
from search_space.attributes import Attribute
from search_space.genes import Genotype
from search_space.scale_permuted import ScalePermutedSpace
from tests.support.attribute_checks.common import check, refusal

USUAL = ScalePermutedSpace(((3, 2),), (3,), max_level=3, dilations=(1,))
"""Blocks 2 and 3, and the output block 4."""


def choosing(attribute: Attribute, *values: Any) -> ScalePermutedSpace:
    return replace(USUAL, choices={attribute.name: values})


def only(space: ScalePermutedSpace, *names: str) -> Genotype:
    """Zeros, but ones for the genes of these names."""
    return tuple(int(gene.name in names) for gene in space.genes)


@check
def a_space_chooses_it(attribute: Attribute, value: Any) -> None:
    space = choosing(attribute, attribute.default, value)
    added = [gene for gene in space.genes if gene not in USUAL.genes]
    assert [gene.name for gene in added] == [f"b{i:02d}.{attribute.name}" for i in (2, 3, 4)]
    assert {gene.radix for gene in added} == {2}
    for gene in added:
        genotype = only(space, gene.name)
        found = space.decode(genotype)
        values = [getattr(block, attribute.name) for block in found.all_blocks]
        assert [i for i, each in enumerate(values) if each == value] == [int(gene.name[1:3])]
        assert space.encode(found) == genotype
        assert f"{attribute.name} must be one of" in refusal(USUAL.encode, found)


@check
def a_wrong_choice_is_refused(attribute: Attribute, value: Any) -> None:
    for values in ((), (value, value), ([],), (-1,)):
        assert attribute.name in refusal(choosing, attribute, *values)


@check
def mutation_changes_it(attribute: Attribute, value: Any) -> None:
    space, rng = choosing(attribute, attribute.default, value), np.random.default_rng(0)
    mutants = {space.mutate(only(space), rng) for _ in range(200)}
    assert {only(space, f"b{i:02d}.{attribute.name}") for i in (2, 3, 4)} <= mutants


@check
def a_swap_takes_it_along(attribute: Attribute, value: Any) -> None:
    """Two blocks that differ in nothing else are worth a swap."""
    space, rng = choosing(attribute, attribute.default, value), np.random.default_rng(0)
    before, after = (only(space, f"b{i:02d}.{attribute.name}") for i in (2, 3))
    assert after in {space.mutate(before, rng) for _ in range(200)}


@check
def a_mixture_takes_it_along(attribute: Attribute, value: Any) -> None:
    space, rng = choosing(attribute, attribute.default, value), np.random.default_rng(0)
    a, b = only(space), only(space, f"b02.{attribute.name}")
    assert {space.cross(a, b, rng) for _ in range(50)} == {a, b}


@check
def features_tell_it(attribute: Attribute, value: Any) -> None:
    space = choosing(attribute, attribute.default, value)
    a, b = space.features(only(space)), space.features(only(space, f"b04.{attribute.name}"))
    assert set(a) - set(USUAL.features(only(USUAL))) == {attribute.name, attribute.plural}
    for group in (attribute.name, attribute.plural):
        assert a[group].shape == b[group].shape
        assert np.isfinite(a[group]).all()
        assert (a[group] != b[group]).any(), group


@check
def only_maps_of_one_shape_are_absorbed(attribute: Attribute, value: Any) -> None:
    loose = Block(3, "residual", (0, 1))
    special = replace(loose, **{attribute.name: value})
    network = Architecture(STEM, (loose, special, replace(loose, output=True)), (3,))
    assert network.absorbed == {4: (2,) if attribute.changes == "map" else (2, 3)}


@check
def a_config_chooses_it(attribute: Attribute, value: Any) -> None:
    from nas.config import Config
    from nas.parts import build

    choices = {attribute.name: [attribute.default, value]}
    config = Config.model_validate({"space": {"choices": choices}})
    assert f"b02.{attribute.name}" in [gene.name for gene in build.space(config).genes]
    assert Config.model_validate(config.model_dump(mode="json")) == config
