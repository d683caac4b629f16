"""What fits into the hours follows from the pace that was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from nas import config as configs
from nas.planning import text
from nas.planning.candidates import FEWEST_STEPS, MOST_TRIALS
from nas.planning.decision import Decision, Plan
from nas.planning.frame import PASSES, WIDTHS
from nas.planning.planner import planned
from nas.planning.seeing import seeing
from proxy_tasks.datasets.traits import Thickness
from tests.support.plans import CPU, NOTHING, Paces, found, plan


def test_more_hours_see_more_and_never_less() -> None:
    seen, trials, widths = [], [], []
    for hours in (0.25, 0.5, 1.0, 3.0, 10.0, 100.0):
        config = plan(found(), hours)
        assert config.promotion.images is not None
        seen.append(
            config.promotion.epochs * config.promotion.images * config.promotion.scale.filters
        )
        trials.append(config.budget.trials)
        widths.append(config.promotion.scale.filters)
    assert seen == sorted(seen)
    assert widths == sorted(widths)
    assert widths[0] == WIDTHS[-1]
    assert widths[-1] > widths[0]
    assert all(each is not None and 2 <= each <= MOST_TRIALS for each in trials)


@pytest.mark.parametrize("hours", [0.3, 1.0, 5.0])
@pytest.mark.parametrize("folds", [1, 3])
def test_what_is_planned_takes_the_hours_at_the_pace_that_was_measured(
    hours: float, folds: int
) -> None:
    paces = Paces()
    config = plan(found(), hours, folds, timed=paces)
    kept, promotion = config.plan, config.promotion
    assert kept is not None
    assert promotion.images is not None
    full = promotion.epochs * promotion.images / kept.promotion_crops_per_second
    assert config.budget.hours is not None
    total = full + 3600 * config.budget.hours
    assert 0.7 * 3600 * hours - 250 < total < 3600 * hours
    assert promotion.top == (1 if folds > 1 else 2)


def test_a_training_is_never_a_few_steps() -> None:
    for hours in (0.2, 1.0):
        config = plan(found(sizes={(600, 800): 12}), hours, folds=3)
        for training in (config.proxy, config.promotion):
            assert training.images is not None
            steps = training.epochs * training.images // training.recipe.batch_size
            assert steps >= 0.9 * FEWEST_STEPS
            assert training.images % training.recipe.batch_size == 0


def test_the_width_gives_way_so_that_every_pixel_is_seen_often() -> None:
    few, many = (plan(found(sizes={(600, 800): n}), 2.0) for n in (20, 20_000))
    assert few.promotion.scale.filters > many.promotion.scale.filters == WIDTHS[-1]


def test_images_are_seen_more_coarsely_where_the_hours_hold_no_more() -> None:
    few, many = (plan(found(sizes={(600, 800): n}, across=(60.0, 5.0)), 0.5) for n in (20, 2000))
    assert few.proxy.resolution is not None
    assert many.proxy.resolution is not None
    assert (few.proxy.resolution.factor or 0) > (many.proxy.resolution.factor or 0)


def test_a_class_that_hardly_any_image_shows_does_not_decide_how_all_are_seen() -> None:
    rare = found(across=(60.0, 5.0))
    seldom = replace(rare, thickness=(rare.thickness[0], Thickness(5.0, 5.0, 2)))
    assert seeing(seldom, "cpu").factor < seeing(rare, "cpu").factor


def test_reading_that_takes_most_of_the_hours_is_told() -> None:
    made = planned(found(sizes={(6000, 8000): 5000}), CPU, 2, 1.0, 3600, NOTHING, 1, Paces(), "")
    assert any("reading and packing" in line for line in made.plan.warnings)


def test_a_proxy_never_sees_more_than_full_training() -> None:
    config = plan(found(sizes={(600, 800): 4}), 200.0)
    assert config.proxy.images is not None
    assert config.promotion.images is not None
    full = config.promotion.epochs * config.promotion.images
    assert config.proxy.epochs * config.proxy.images <= full


def test_too_few_hours_are_told() -> None:
    made = planned(found(sizes={(600, 800): 500}), CPU, 2, 0.5, 1800, NOTHING, 1, Paces(1e9), "")
    assert any(f"where {PASSES} are wanted" in line for line in made.plan.warnings)


def test_bands_reach_the_networks() -> None:
    config = plan(found(channels=5))
    assert config.proxy.scale.channels == config.promotion.scale.channels == 5


def test_a_plan_reads_again_as_the_config_that_it_is() -> None:
    decisions = (
        Decision("colours", "", "so says the tool", {"data.values": {"60 16 152": "building"}}),
        Decision("crop", "320x320", "a usual image is larger: {so}", {"proxy.size": [320, 320]}),
    )
    made = Plan(decisions, ("few hours",))
    values = made.values() | {"seed": 3}
    written = text.to_yaml(values, made, "A plan.")
    assert yaml.safe_load(written) == values
    assert "# a usual image is larger: {so}" in written
    assert "# warning: few hours" in written


def test_reasons_stand_once() -> None:
    both = {"proxy.size": [320, 320], "promotion.size": [320, 320]}
    made = Plan((Decision("crop", "320x320", "as large as fits", both),))
    assert text.to_yaml(made.values(), made, "A plan.").count("as large as fits") == 1


def test_what_was_planned_is_kept_for_a_resume() -> None:
    config = plan(found(), 2.0)
    assert config.plan is not None
    assert (config.plan.hours, config.plan.machine) == (2.0, "a processor")
    again = configs.parse(yaml.safe_load(config.to_yaml()), "config")
    assert again == config


def test_paces_are_asked_for_as_trainings_will_run() -> None:
    paces = Paces()
    plan(found(), 1.0, folds=3, timed=paces)
    assert {(each.workers, each.threads) for each in paces.asked} == {(2, 1), (1, 2), (1, 1)}
    assert all(each.recipe.batch_size == 8 for each in paces.asked)


def test_memory_bounds_the_batch() -> None:
    small = replace(CPU, memory=2**30)
    made = planned(found(), small, 2, 1.0, 3600, NOTHING, 1, Paces(), "")
    assert made.plan.values()["proxy"]["recipe"]["batch_size"] < 8
