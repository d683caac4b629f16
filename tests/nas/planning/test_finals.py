"""Finals within the hours, and full training within what is left after them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from nas import config as configs
from nas.config import Config
from nas.planning.finals import ENOUGH, MOST, finals
from nas.planning.fitting import fitted
from nas.planning.frame import Frame
from nas.planning.seeing import seeing
from proxy_tasks.recipe import Recipe
from search_space import catalog
from search_space.cost import cost
from search_space.scales import Scale
from tests.support.plans import CPU, found, plan

BACKBONE = catalog.load("spinenet-49")


def planned_for_an_hour(workers: int, planned_workers: int, **promotion: object) -> Config:
    """Of full trainings of 20 epochs of 100 crops, one crop a second."""
    macs = cost(BACKBONE, Scale(0.25, 0.5, 1, 64, 64), 11, (96, 128)).macs
    kept = {
        "hours": 1.0, "machine": "a processor", "device": "cpu", "workers": planned_workers,
        "proxy_crops_per_second": 5.0, "promotion_crops_per_second": 1.0, "promotion_macs": macs,
        "ending_seconds": 45.0,
    }  # fmt: skip
    promotion = {"epochs": 20, "images": 100} | promotion
    values = {"promotion": promotion, "engine": {"workers": workers}, "plan": kept}
    return configs.parse(values, "plan")


def fits(config: Config, rivals: int, seconds: float) -> tuple[str, ...]:
    trial = SimpleNamespace(backbone=BACKBONE)
    return fitted(config, [trial], rivals, seconds)  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("seconds", "rivals", "epochs"), [(10_000, 0, None), (645, 0, 6), (1245, 1, 6), (60, 0, 5)]
)
def test_full_training_is_shortened_to_what_is_left_of_the_hours(
    seconds: float, rivals: int, epochs: int | None
) -> None:
    config = planned_for_an_hour(1, 2)
    expected = () if epochs is None else (f"promotion.epochs={epochs}",)
    assert fits(config, rivals, seconds) == expected
    unplanned = config.model_copy(update={"plan": None})
    assert fits(unplanned, rivals, seconds) == ()


@pytest.mark.parametrize(
    ("seconds", "workers", "rivals", "epochs"),
    [
        (10_000, 1, 0, 40),  # planned for two, one after the other
        (3645, 1, 0, 36),
        (10_000, 1, 1, None),
        (10_000, 2, 0, None),  # they would have been trained side by side
        (2145, 1, 0, None),  # hardly more
    ],
)
def test_full_training_is_longer_where_there_is_less_to_train(
    seconds: float, workers: int, rivals: int, epochs: int | None
) -> None:
    """As where the finals found the rival itself."""
    config = planned_for_an_hour(workers, workers, top=1, rivals=["efficientnet-lite0"])
    expected = () if epochs is None else (f"promotion.epochs={epochs}",)
    assert fits(config, rivals, seconds) == expected


def test_without_a_rival_there_are_no_finals() -> None:
    assert plan(found(), 1.0, encoder="").finals.candidates == 0


@pytest.mark.parametrize("hours", [0.3, 1.0, 8.0])
@pytest.mark.parametrize("folds", [1, 3])
def test_finalists_train_for_long_and_on_other_images(hours: float, folds: int) -> None:
    config = plan(found(), hours, folds, encoder="efficientnet-lite0")
    decided, promotion = config.finals, config.promotion
    assert decided.images is not None
    assert promotion.images is not None
    full = promotion.epochs * promotion.images
    assert decided.epochs * decided.images >= 0.9 * ENOUGH * full
    assert 1 <= decided.candidates < MOST
    assert config.proxy.fidelity(folds).turns[0] == 0
    if folds == 1:
        assert decided.held_out is config.proxy.held_out is None
    elif hours < 1:
        assert decided.held_out == (2,)
        assert config.proxy.held_out == (0,)


def test_the_whole_of_a_plan_with_a_rival_takes_the_hours() -> None:
    config = plan(found(), 1.0, 3, encoder="efficientnet-lite0")
    kept, promotion, decided = config.plan, config.promotion, config.finals
    assert kept is not None
    assert promotion.images is not None
    assert decided.images is not None
    assert decided.held_out is not None
    assert config.budget.hours is not None
    full = promotion.epochs * promotion.images / kept.promotion_crops_per_second
    last = len(decided.held_out) * decided.epochs * decided.images
    total = full + last / kept.promotion_crops_per_second + 3600 * config.budget.hours
    assert 0.7 * 3600 - 250 < total < 3600


@pytest.mark.parametrize(
    ("seconds", "workers", "expected"),
    [
        (100, 2, (2, (2,))),  # too short for more: the least there is
        (2000, 2, (8, (0, 1, 2))),
        (1000, 2, (4, (0, 1, 2))),
        (500, 2, (2, (0, 1, 2))),
        (100, 1, (2, (2,))),
        (100, 4, (4, (2,))),  # each worker has one
        (100, 64, (8, (2,))),
    ],
)
def test_hours_give_finals_more_folds_and_then_more_networks(
    seconds: float, workers: int, expected: tuple[int, tuple[int, ...]]
) -> None:
    found_ = found()
    seen = seeing(found_, "cpu")
    frame = Frame(
        found_, seen, replace(CPU, workers=workers), Recipe(batch_size=8), "deeplabv3",
        "efficientnet-lite0", 3, 2, 1,
    )  # fmt: skip
    made = finals(frame, 10.0, seconds, 3000, 1)
    assert (made.networks, made.held_out) == expected
    assert made.seconds < 1.1 * seconds or seconds == 100
