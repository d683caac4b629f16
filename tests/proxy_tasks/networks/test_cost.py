"""The analytic cost is that of the networks as they are built."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest
import torch
from torch import nn

from benchmarks.cost import (
    TOLERANCE,
    Case,
    catalogue_cases,
    is_exact,
    random_cases,
    random_steps,
    step_ratio,
)
from search_space import catalog
from search_space.scales import SCALES, Scale
from tests.oracles import counted

SMALL = Scale(filters=0.25, endpoint_filters=64, aspp_filters=64)


@pytest.mark.parametrize(("groups", "bias"), [(1, False), (3, True)])
def test_a_convolution_counts_as_a_hand_computes(groups: int, bias: bool) -> None:
    layer = nn.Conv2d(3, 6, (3, 5), stride=2, padding=(1, 2), groups=groups, bias=bias)
    macs = 6 * (5 * 8) * (3 // groups * 3 * 5)
    assert counted.macs(layer, (9, 16)) == counted.macs_by_shape(layer, (9, 16)) == macs


@pytest.mark.parametrize("seed", range(2))
def test_random_networks_cost_what_the_flop_counter_counts(seed: int) -> None:
    cases = islice(random_cases(seed), 3)
    assert all(is_exact(case, by_flop_counter=True) for case in cases)


@pytest.mark.parametrize("seed", range(10, 20))
def test_random_networks_cost_what_their_shapes_say(seed: int) -> None:
    cases = islice(random_cases(seed, largest=140), 15)
    assert all(is_exact(case, by_flop_counter=False) for case in cases)


@pytest.mark.parametrize("scale", SCALES)
def test_the_whole_catalogue_costs_what_its_shapes_say(scale: str) -> None:
    cases = catalogue_cases(19, (97, 65), [SCALES[scale]])
    assert all(is_exact(case, by_flop_counter=False) for case in cases)


@pytest.mark.parametrize("name", ["spinenet-49", "deeplabv3-resnet-50-os8"])
def test_the_catalogue_costs_what_the_flop_counter_counts(name: str) -> None:
    assert is_exact(Case(catalog.load(name), SCALES["S49"], 19, (65, 97)), by_flop_counter=True)


@pytest.mark.parametrize(("seed", "batch"), [(0, 4), (1, 4), (2, 8), (3, 8), (4, 4), (5, 8)])
def test_a_training_step_of_random_networks_needs_the_memory_that_is_told(
    seed: int, batch: int
) -> None:
    case, _ = next(random_steps(seed))
    case = replace(case, size=(96, 128))
    assert abs(step_ratio(case, batch) - 1) < TOLERANCE


@pytest.mark.parametrize(
    ("name", "head", "auxiliary"),
    [
        ("spinenet-49", "deeplabv3", False),
        ("spinenet-49", "deeplabv3+", False),
        ("spinenet-49", "classifier", False),
        ("deeplabv3-resnet-50-os8", "deeplabv3", False),
        ("deeplabv3-resnet-50-os8", "deeplabv3", True),
        ("deeplabv3plus-resnet-50-os16", "deeplabv3", False),
    ],
)
def test_a_training_step_of_the_catalogue_needs_the_memory_that_is_told(
    name: str, head: str, auxiliary: bool
) -> None:
    case = Case(catalog.load(name), replace(SMALL, head=head), 11, (96, 128), auxiliary)
    assert abs(step_ratio(case, 4) - 1) < TOLERANCE * 2 / 3


@pytest.fixture(autouse=True)
def _fixed_weights() -> None:
    torch.manual_seed(0)
