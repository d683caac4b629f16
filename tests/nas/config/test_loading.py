"""A preset or a file, settings over it, and the parts that come of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from nas import config
from nas.controllers import CONTROLLERS, pareto, ppo, predictor, random
from nas.engines.halving import Halving
from nas.parts import build, checks, running
from nas.runs import audited
from nas.runs.directory import RunDirectory
from proxy_tasks.task import Limit, Measurement
from results.trial import Trial, TrialState
from search_space import catalog, constrained, strict_yaml
from search_space.cost import cost
from search_space.errors import UserError
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import SCALES
from tests.support.latency import networks, table


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


def test_a_file_that_is_extended_lies_beside_the_one_that_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "base.yaml").write_text("proxy: {epochs: 3}\n")
    (tmp_path / "there" / "mine.yaml").write_text("extends: base.yaml\nseed: 4\n")
    (tmp_path / "base.yaml").write_text("proxy: {epochs: 5}\n")
    (tmp_path / "other.yaml").write_text("extends: there/../base.yaml\n")
    monkeypatch.chdir(tmp_path)
    mine = config.load("there/mine.yaml")
    assert (mine.seed, mine.proxy.epochs) == (4, 3)
    assert config.load("other.yaml").proxy.epochs == 5
    (tmp_path / "there" / "loop.yaml").write_text("extends: ../there/loop.yaml\n")
    with pytest.raises(UserError, match="extends itself"):
        config.load("there/loop.yaml")


def test_a_predicted_latency_is_traded_where_it_is_predicted() -> None:
    pareto = ["controller.name=pareto", "controller.objectives=[miou, exported_latency]"]
    with pytest.raises(UserError, match=r"give constraints\.latency too, such as 100ms"):
        config.load("quickstart", pareto)
    assert config.load("quickstart", [*pareto, "constraints.latency=100ms"])


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


def test_choices_reach_the_space_and_are_silent_where_there_are_none() -> None:
    with pytest.raises(UserError, match=r"space\.choices: unknown attribute 'hue'"):
        build.space(config.load("quickstart", ["space.choices={hue: [1, 2]}"]))
    assert "choices" not in config.load("quickstart").to_yaml()


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
        checks.check(loaded, build.space(loaded))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["proxy.score=loss"], r"proxy.asha: loss is not known after every epoch; write proxy.ev"),
        (["proxy.evaluate_every=2", "proxy.score=miou"], r"proxy.asha: miou is not known"),
    ],
)
def test_early_stopping_needs_a_score_to_go_by(settings: list[str], message: str) -> None:
    asked = ["proxy.asha={grace_period: 2}", "proxy.score=train_loss"]
    checks.check_halving(config.load("quickstart", asked))
    with pytest.raises(UserError, match=message):
        checks.check_halving(config.load("quickstart", [*asked, *settings]))


def test_early_stopping_knows_what_earlier_trials_came_to() -> None:
    loaded = config.load("quickstart", ["proxy.asha={}", "proxy.score=train_loss"])
    backbone = catalog.load("spinenet-49")
    measured = [Measurement(2, 1, 1, 1.0, curve=(-0.5, None)), None, Measurement(1, 1, 1, 1.0)]
    kinds = ("candidate", "candidate", "baseline")
    trials = [
        Trial(n, "", kind, backbone, "", None, TrialState.STOPPED, known)
        for n, (kind, known) in enumerate(zip(kinds, measured, strict=True))
    ]
    found = running.halving(loaded.proxy, trials)
    assert found == Halving("train_loss", loaded.proxy.epochs, 1, 3, ((-0.5, None),))
    assert running.halving(config.load("quickstart").proxy, trials) is None


def test_a_scale_may_be_given_by_name() -> None:
    loaded = config.load("quickstart", ["proxy.scale=S96"])
    assert loaded.proxy.scale.repeats == SCALES["S96"].repeats


def test_a_file_that_extends_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loop.yaml"
    path.write_text(f"extends: {path}\n")
    for refused in (config.load, config.refuse_demonstration):
        with pytest.raises(UserError, match="extends itself"):
            refused(str(path))


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
    assert audited.digest(known, "pack") != audited.digest(changed, "pack")


def test_a_config_means_what_yaml_1_2_says(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "extends: quickstart\nbudget: {trials: 0100}\n"
        "proxy: {recipe: {learning_rate: 1e-3, flip: .5}}\n"
        "data: {classes: [yes, no, 1:30], values: {010: yes}}\n"
    )
    loaded = config.load(str(path), ["seed=0o17", "promotion.recipe.weight_decay=5e-4"])
    assert (loaded.budget.trials, loaded.seed) == (100, 15)
    assert (loaded.proxy.recipe.learning_rate, loaded.proxy.recipe.flip) == (0.001, 0.5)
    assert loaded.promotion.recipe.weight_decay == 0.0005
    assert loaded.data.classes == ("yes", "no", "1:30")
    assert loaded.data.values == {"10": "yes"}


def test_a_key_twice_is_refused_on_the_command_line_too() -> None:
    with pytest.raises(UserError, match=r"^--set controller=.*: key 'batch' is given twice"):
        config.load("quickstart", ["controller={name: ppo, batch: 4, batch: 5}"])


NAMES = ("08", "1e3", "0o7", "-.5", "yes", "1:30", "0100", "12e4567890123456")
"""What one of the two versions of YAML takes for something else."""


def test_runs_of_earlier_releases_keep_their_names(tmp_path: Path) -> None:
    loaded = config.load("quickstart")
    values = yaml.safe_load(loaded.to_yaml())
    values["data"]["classes"] = [*NAMES]
    for text in (yaml.safe_dump(values), config.parse(values, "x").to_yaml()):
        (tmp_path / "config.yaml").write_text(text)
        assert RunDirectory.open(tmp_path).config().data.classes == NAMES


@pytest.mark.parametrize("name", ["camvid", "camvid-audit", "camvid-first"])
def test_published_runs_are_read(name: str) -> None:
    folder = Path(__file__).parents[3] / "results" / "published" / name
    loaded = RunDirectory.open(folder).config()
    assert loaded.data.name == "camvid"
    assert config.parse(strict_yaml.parse(loaded.to_yaml(), "again"), "again") == loaded


def test_settings_leave_what_they_are_set_over_alone() -> None:
    values = {"proxy": {"epochs": 3}}
    assert config.over({}, values, ["proxy.epochs=4"]) == {"proxy": {"epochs": 4}}
    assert values == {"proxy": {"epochs": 3}}


def limited(tmp_path: Path, *settings: str) -> config.Config:
    file = tmp_path / "mine.csv"
    table(networks(4)).save(file)
    given = [f"constraints.latency_table={file}", "promotion.size=[64, 96]", *settings]
    return config.load("quickstart", given)


def test_a_latency_with_a_unit_is_that_of_the_exported_network(tmp_path: Path) -> None:
    loaded = limited(tmp_path, "constraints.latency=4.5ms")
    space, predicted = build.space(loaded), build.latency_of(loaded)
    assert build.measured_limits(loaded) == ()
    rng = np.random.default_rng(0)
    whole = loaded.space.whole()
    drawn = [whole.sample(rng) for _ in range(60)]
    allowed = [space.allows(each) for each in drawn]
    assert allowed == [predicted(whole.decode(each)) <= 4.5 for each in drawn]
    assert 0 < sum(allowed) < len(allowed)
    assert predicted(space.decode(space.sample(rng))) <= 4.5


def test_a_latency_holds_for_the_size_that_it_is_given_for(tmp_path: Path) -> None:
    small, large = (
        build.latency_of(limited(tmp_path, "constraints.latency=5ms", *size))
        for size in ((), ("constraints.latency_size=[128, 192]",))
    )
    network = next(networks(1))
    assert 2 < large(network) / small(network) < 6


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["constraints.latency=0.1ms"], "the nearest has latency in ms"),
        (["constraints.latency=5ms", "constraints.latency_table=null"], "FILE writes one"),
        (["constraints.latency=0.5"], "latency_table needs a latency with its unit"),
        (["constraints.latency=5 hours"], "such as 10ms, not '5 hours'"),
        (["constraints.latency=-5"], "must be above 0, not -5"),
        (["constraints.latency=5ms", "constraints.latency_size=[0, 4]"], "at least 1 pixel"),
    ],
)
def test_a_latency_that_is_none_gets_one_line(
    tmp_path: Path, settings: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constrained, "STEPS", 20)

    def sampled() -> None:
        loaded = limited(tmp_path, *settings)
        checks.check_constraints(loaded, build.space(loaded))

    with pytest.raises(UserError, match=r"^[^\n]+$") as refused:
        sampled()
    assert said in str(refused.value)


def test_what_earlier_releases_wrote_of_constraints_is_what_is_written_without_a_table() -> None:
    loaded = config.load("quickstart", ["constraints.latency=0.5"])
    told = {"macs": None, "parameters": None, "memory": None, "latency": 0.5}
    assert loaded.model_dump(mode="json")["constraints"] == told
