"""A config is complete, typed, and refused in one line."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import yaml

from nas import audits, build, config
from nas.controllers import CONTROLLERS, pareto, ppo, predictor, random
from nas.engines.base import Halving
from proxy_tasks.recipe import Recipe
from proxy_tasks.task import Limit, Measurement
from results.trial import Trial, TrialState
from search_space import catalog
from search_space.cost import cost
from search_space.errors import UserError
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import SCALES


@pytest.mark.parametrize("preset", config.presets())
def test_presets_load_and_survive_being_written_out(preset: str) -> None:
    loaded = config.load(preset)
    assert config.parse(yaml.safe_load(loaded.to_yaml()), "again") == loaded


def test_a_file_extends_a_preset_key_by_key(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: camvid\nproxy: {epochs: 3}\n")
    mine, preset = config.load(str(path)), config.load("camvid")
    assert mine.proxy.epochs == 3
    assert mine.proxy.scale == preset.proxy.scale
    assert mine.promotion == preset.promotion


def test_settings_win_over_the_file_and_are_yaml() -> None:
    loaded = config.load("quickstart", ["proxy.size=[40, 56]", "budget.trials=7", "seed=3"])
    assert (loaded.proxy.size, loaded.budget.trials, loaded.seed) == ((40, 56), 7, 3)


def test_another_controller_drops_the_options_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "extends: quickstart\ncontroller: {name: pareto, objectives: [miou, latency]}\n"
    )
    mine = config.load(str(path)).controller
    assert mine == pareto.Config(objectives=("miou", "latency"))  # not the preset's population
    assert config.load(str(path), ["controller.name=random"]).controller == random.Config()


def test_the_same_controller_keeps_the_options_that_are_not_given_anew(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: quickstart\ncontroller: {pool: 50}\n")
    kept = predictor.Config(initial=6, pool=50)
    assert config.load(str(path)).controller == kept
    assert config.load(str(path), ["controller.name=predictor"]).controller == kept


@pytest.mark.parametrize(
    "settings",
    [
        ["controller.name=ppo", "controller.batch=4"],
        ["controller.batch=4", "controller.name=ppo"],
        ["controller={name: ppo, batch: 4}"],
        ["controller.batch=4", "controller={name: ppo, clip: 0.2}"],
    ],
)
def test_a_controller_and_its_options_are_set_in_any_order(settings: list[str]) -> None:
    assert config.load("quickstart", settings).controller == ppo.Config(batch=4)


def test_options_of_a_sampler_are_set_one_by_one() -> None:
    settings = ["controller.name=tpe", "controller.options.multivariate=true"]
    assert config.load("quickstart", settings).controller.options == {"multivariate": True}


@pytest.mark.parametrize("name", CONTROLLERS)
def test_every_controller_survives_being_written_out(name: str) -> None:
    loaded = config.load("quickstart", [f"controller.name={name}"])
    assert config.parse(yaml.safe_load(loaded.to_yaml()), "again") == loaded


@pytest.mark.parametrize("name", CONTROLLERS)
def test_a_config_makes_the_controller_that_it_names(name: str) -> None:
    loaded = config.load("quickstart", [f"controller.name={name}"])
    made, own = build.controller(loaded, build.space(loaded)), CONTROLLERS[name]()
    assert type(made) is type(own.build(build.space(loaded), 0))


def test_options_reach_the_controller() -> None:
    loaded = config.load("quickstart", ["controller={name: evolution, population: 2}"])
    with pytest.raises(UserError, match=r"^controller: tournament must be between 1 and .*\(2\)"):
        build.controller(loaded, build.space(loaded))


def test_constraints_hold_for_the_network_that_is_promoted() -> None:
    settings = ["constraints.macs=3e7", "constraints.latency=0.5", "promotion.size=[64, 64]"]
    loaded = config.load("quickstart", settings)
    space, built = build.space(loaded), build.fidelity(loaded.promotion, loaded.data)
    architecture = space.decode(space.sample(np.random.default_rng(0)))
    classes = len(build.dataset(loaded, built.size).classes)
    assert cost(architecture, built.scale, classes, (64, 64)).macs <= 3e7
    assert build.measured_limits(loaded) == (Limit("latency", 0.5, built.scale, (64, 64)),)
    assert build.measured_limits(config.load("quickstart")) == ()
    assert isinstance(build.space(config.load("quickstart")), ScalePermutedSpace)


def test_constraints_that_leave_nothing_are_refused() -> None:
    loaded = config.load("quickstart", ["constraints.parameters=1000"])
    with pytest.raises(UserError, match=r"^constraints: no network .* parameters .* > 1000"):
        build.check(loaded, build.space(loaded))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["engine.name=inline"], r"proxy.asha: stops trainings through Ray Tune"),
        (["proxy.score=loss"], r"proxy.asha: loss is not known after every epoch; write proxy.ev"),
        (["proxy.evaluate_every=2", "proxy.score=miou"], r"proxy.asha: miou is not known"),
    ],
)
def test_early_stopping_needs_a_scheduler_and_a_score_to_go_by(
    settings: list[str], message: str
) -> None:
    asked = ["proxy.asha={grace_period: 2}", "proxy.score=train_loss"]
    build.check_halving(config.load("quickstart", asked))
    with pytest.raises(UserError, match=message):
        build.check_halving(config.load("quickstart", [*asked, *settings]))


def test_early_stopping_knows_what_earlier_trials_came_to() -> None:
    loaded = config.load("quickstart", ["proxy.asha={}", "proxy.score=train_loss"])
    backbone = catalog.load("spinenet-49")
    measured = [Measurement(2, 1, 1, 1.0, curve=(-0.5, None)), None, Measurement(1, 1, 1, 1.0)]
    kinds = ("candidate", "candidate", "baseline")
    trials = [
        Trial(n, "", kind, backbone, "", None, TrialState.STOPPED, known)
        for n, (kind, known) in enumerate(zip(kinds, measured, strict=True))
    ]
    found = build.halving(loaded.proxy, trials)
    assert found == Halving("train_loss", loaded.proxy.epochs, 1, 3, ((-0.5, None),))
    assert build.halving(config.load("quickstart").proxy, trials) is None


def test_a_scale_may_be_given_by_name() -> None:
    loaded = config.load("quickstart", ["proxy.scale=S96"])
    assert loaded.proxy.scale.repeats == SCALES["S96"].repeats


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("proxy: {epoch: 3}", "proxy.epoch: unknown key; did you mean epochs?"),
        ("colour: red", "colour: unknown key; there are seed, data, space"),
        ("proxy: {epochs: many}", "proxy.epochs: .*integer.* but got 'many'"),
        ("proxy: {epochs: 0}", "proxy.epochs: .*greater than or equal to 1 but got 0"),
        ("proxy: {scale: S50}", "proxy.scale: no scale is called 'S50'; there are S49-, S49"),
        ("budget: {trials: 0}", "budget.trials: .*greater than or equal to 1 but got 0"),
        ("data: {name: ade20k}", "data.name: .*'scenes', .*'voc'.* but got 'ade20k'"),
        ("promotion: {recipe: {batchsize: 8}}", "recipe.batchsize: .*did you mean batch_size?"),
        (
            "controller: {name: pop}",
            "controller.name: no controller is called 'pop'; did you mean ppo?",
        ),
        (
            "controller: {name: 3}",
            "controller.name: no controller is called '3'; there are predictor, evolution",
        ),
        ("controller: ppo", "controller: .*dictionary.* but got 'ppo'"),
        ("controller: {elit: 3}", "controller.elit: unknown key; did you mean elite?"),
        (
            "controller: {name: random, population: 3}",
            "controller.population: unknown key of random; .*option of evolution and pareto$",
        ),
        ("controller: {name: ppo, batch: x}", "controller.batch: .*integer.* but got 'x'"),
        ("controller: {name: ppo, clip: .inf}", "controller.clip: .*finite number but got inf"),
        (
            "controller: {name: pareto, objectives: [miou, flops]}",
            "objectives.1: .* but got 'flops'",
        ),
        ("controller: {name: pareto, objectives: [miou]}", "objectives: .* at least 2 items"),
        ("controller: {name: tpe, options: 3}", "controller.options: .*dictionary but got 3"),
        ("proxy: [1, 2", "line 1 is not YAML"),
        ("- a list", "must be a mapping"),
        ("extends: nothing", "nothing: no such config"),
        ("extends: 3", "extends must name a preset or a file"),
    ],
)
def test_a_wrong_config_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        config.load(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_extends_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loop.yaml"
    path.write_text(f"extends: {path}\n")
    with pytest.raises(UserError, match="extends itself"):
        config.load(str(path))


@pytest.mark.parametrize("setting", ["proxy.epochs", "=3", "seed.deep=1", "seed=[1"])
def test_a_setting_that_is_none_is_refused(setting: str) -> None:
    with pytest.raises(UserError, match="--set"):
        config.load("quickstart", ["seed=1", setting])


def test_a_run_changes_only_what_it_may() -> None:
    loaded = config.load("quickstart")
    longer = config.with_settings(loaded, ["budget.trials=50"], ("budget.", "engine."))
    assert longer.budget.trials == 50
    with pytest.raises(UserError, match=r"a run keeps its config; only budget\.KEY or engine"):
        config.with_settings(loaded, ["seed=1"], ("budget.", "engine."))


def test_an_option_that_came_later_leaves_the_identity_of_trainings_without_it() -> None:
    before = {
        "batch_size", "learning_rate", "weight_decay", "warm_up", "clip", "averaging",
        "jitter", "colour", "flip",
    }  # fmt: skip
    assert set(config.PromotionConfig().identity()["recipe"]) == before
    assert "patience" not in config.PromotionConfig().identity()
    assert config.PromotionConfig(patience=3).identity()["patience"] == 3
    known = config.load("camvid", ["data.root=DIR"])
    changed = config.load("camvid", ["data.root=DIR", "proxy.recipe.ohem=0.7"])
    assert set(changed.proxy.identity()["recipe"]) == {*before, "ohem"}
    assert audits.digest(known, "pack") != audits.digest(changed, "pack")


def test_a_recipe_has_the_defaults_of_the_training() -> None:
    assert Recipe(**config.RecipeConfig().model_dump()) == Recipe()
    assert {*config.RecipeConfig.model_fields} == {field.name for field in fields(Recipe)}
