"""Plans within a latency: width, head and limit follow from a table."""

from __future__ import annotations

import pytest

from nas import config as configs
from nas.config import Config
from nas.planning.latency import Budget, subjects, usual_size
from nas.planning.planner import Planned, planned
from nas.planning.seeing import seeing
from search_space import catalog
from search_space.cost.graph import Graph
from search_space.latency import LatencyModel, LatencyTable
from search_space.latency.operators import operators
from search_space.latency.table import Row
from search_space.scale_permuted import ScalePermutedSpace
from tests.support.latency import MACHINE, law
from tests.support.plans import CPU, NOTHING, Paces, found


@pytest.fixture(scope="module")
def model() -> LatencyModel:
    """Of a machine that takes what ``law`` says."""
    drawn = subjects(ScalePermutedSpace(), FOUND, seeing(FOUND, "cpu"), None)
    measured = {
        each.operator
        for one, _ in zip(drawn, range(12), strict=False)
        for each in operators(Graph(one.backbone, one.scale, one.classes, one.size))
    }
    return LatencyModel(LatencyTable(MACHINE, tuple(Row(o, law(o)) for o in sorted(measured))))


FOUND = found()


def plan(model: LatencyModel, ms: float, hours: float = 50.0) -> Planned:
    budget = Budget(ms, model)
    args = (FOUND, CPU, 2, hours, 3600 * hours, NOTHING, 1, Paces(), "", budget)
    return planned(*args)


def config(made: Planned) -> Config:
    return configs.parse(made.plan.values() | {"plan": made.kept}, "plan")


def test_a_latency_makes_networks_narrower_and_is_the_limit(model: LatencyModel) -> None:
    widths = [config(plan(model, ms)).promotion.scale.filters for ms in (2000, 400, 150)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > widths[-1]
    tight = config(plan(model, 150)).constraints
    assert tight.latency == "150ms"
    assert tight.latency_size == usual_size(FOUND, seeing(FOUND, "cpu"))
    assert tight.macs is None


def test_the_rival_leaves_candidates_room(model: LatencyModel) -> None:
    made = plan(model, 400)
    ours = config(made)
    size = ours.constraints.latency_size
    assert size is not None
    classes, crop = len(FOUND.classes), ours.promotion.size
    backbone = catalog.load("spinenet-49")
    rival = model.of(backbone, ours.promotion.scale, classes, size, crop).ms
    assert 1.25 * rival <= 400
    assert not made.plan.warnings


def test_a_latency_that_binds_nothing_keeps_the_limit_of_macs(model: LatencyModel) -> None:
    assert config(plan(model, 1e6)).constraints.macs is not None


def test_a_lighter_head_comes_before_a_rival_that_does_not_fit(model: LatencyModel) -> None:
    heads = [config(plan(model, ms)).promotion.scale.head for ms in (400, 45, 0.5)]
    assert heads[0] == "deeplabv3"
    assert heads[-1] == "fpn"


def test_a_rival_that_does_not_fit_is_told(model: LatencyModel) -> None:
    (warning,) = plan(model, 0.5).plan.warnings
    assert "it is no rival at an equal budget" in warning


def test_the_usual_image_is_the_one_of_middle_size_as_it_is_seen() -> None:
    several = found(sizes={(600, 800): 3, (100, 120): 1, (3000, 4000): 2})
    seen = seeing(several, "cpu")
    factor = seen.short_side / 600 if seen.short_side else seen.factor
    assert usual_size(several, seen) == (round(600 * factor), round(800 * factor))
