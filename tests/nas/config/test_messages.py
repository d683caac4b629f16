"""Whatever is wrong in a config is one line of our own words that names the user's key."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import ValidationError

from nas import cli, config
from nas.settings.messages import _LINES, _UNKNOWN
from nas.settings.section import choices, fields_of, section_of
from search_space import strict_yaml
from search_space.errors import UserError

PLAN = {
    "hours": 1, "machine": "m", "device": "cpu", "workers": 1, "proxy_crops_per_second": 1,
    "promotion_crops_per_second": 1, "promotion_macs": 1,
}  # fmt: skip
WRONG: tuple[Any, ...] = ("ten", True, 1.5, math.nan, [[]], {"no such key": {}}, None)
TAKEN = {str: "ten", Path: "ten", bool: True, float: 1.5, type(None): None}
"""What of these is right after all, by type."""
PYDANTIC = (
    "input", "valid", "field required", "extra", "keyword", "pydantic", "parse", "tuple", "dict",
    "instance", "integer", "permitted", "union", "tag", "validation", "literal", "bool",
)  # fmt: skip

Values = dict[str, Any]


def nested(path: str, value: Any) -> Values:
    """The values of a config that sets this key and, where it must, what stands beside it."""
    first, _, rest = path.partition(".")
    if not rest:
        return {first: value}
    if first == "loggers":
        name, _, option = rest.partition(".")
        return {first: [{"name": name, option: value}]}
    return {first: (PLAN if first == "plan" else {}) | nested(rest, value)}


def every_key() -> Iterator[tuple[str, Any, Values]]:
    """Each key of a config with its type, and the values that must stand beside it."""
    for name, hint in fields_of(config.Config).items():
        yield name, hint, {}
        if not (union := choices(hint)):
            yield from ((*found, {}) for found in _inside(name, hint))
        for choice, section in union.items():
            for option, inner in fields_of(section).items():
                beside = {"controller": {"name": choice}} if name == "controller" else {}
                path = f"{name}.{choice}.{option}" if name == "loggers" else f"{name}.{option}"
                if option != "name":
                    yield path, inner, beside


def _inside(path: str, hint: Any) -> Iterator[tuple[str, Any]]:
    if (section := section_of(hint)) is not None:
        for name, inner in fields_of(section).items():
            yield f"{path}.{name}", inner
            yield from _inside(f"{path}.{name}", inner)


EVERY = [
    pytest.param(*found, id=f"{found[0]} {number}") for number, found in enumerate(every_key())
]


def refused(values: Values, beside: Values) -> str:
    """The line for it, which is ours."""
    with pytest.raises(UserError) as caught:
        config.parse(config.over(beside, values, ()), "mine.yaml")
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 400
    assert line.startswith("mine.yaml: ")
    said = line.lower().replace("architecture", "").replace("'ten'", "")
    assert [word for word in PYDANTIC if word in said.split()] == []
    return line.removeprefix("mine.yaml: ")


def test_every_key_of_a_config_is_tried() -> None:
    paths = {param.values[0] for param in EVERY}
    assert {
        "seed", "data.split.train", "proxy.recipe.batch_size", "audit.reference.recipe.clip",
        "controller.clip", "controller.sampler", "loggers.mlflow.tracking_uri", "plan.workers",
        "promotion.resolution.factor", "promotion.scale.head", "proxy.asha.grace_period",
    } <= paths  # fmt: skip
    assert len(paths) > 150


@pytest.mark.parametrize(("path", "hint", "beside"), EVERY)
def test_a_value_of_a_wrong_type_is_refused_by_its_key(
    path: str, hint: Any, beside: Values
) -> None:
    kinds = {hint, *get_args(hint)}
    right = [TAKEN[kind] for kind in kinds if kind in TAKEN]
    given = [value for value in WRONG if not any(value is each for each in right)]
    if path == "controller.options":  # anything may stand in it
        given.remove({"no such key": {}})
    assert len(given) >= 4
    for value in given:
        line = refused(nested(path, value), beside)
        assert line.startswith(path), (value, line)
        assert line[len(path)] in " :.", (value, line)


UNBOUNDED = {"data.ignore", "data.scenes"}
"""Numbers of which the config knows no bounds; the data do."""
NUMBERS = [
    param
    for param in EVERY
    if param.values[0] not in UNBOUNDED
    and not {int, float}.isdisjoint({param.values[1], *get_args(param.values[1])})
]


@pytest.mark.parametrize(("path", "hint", "beside"), NUMBERS)
def test_a_number_out_of_bounds_is_refused_by_its_key(path: str, hint: Any, beside: Values) -> None:
    many = get_origin(hint) is tuple
    line = refused(nested(path, [-7, -7] if many else -7), beside)
    assert line.startswith((f"{path} must be ", f"{path} must rise"))


def sections() -> Iterator[tuple[str, type, Values]]:
    """Each section of a config by its path."""
    yield "", config.Config, {}
    for path, hint, beside in every_key():
        if (section := section_of(hint)) is not None:
            yield path, section, beside
    hints = fields_of(config.Config)
    for name, section in choices(hints["controller"]).items():
        yield "controller", section, {"controller": {"name": name}}
    for name, section in choices(hints["loggers"]).items():
        yield f"loggers.{name}", section, {}


@pytest.mark.parametrize(("path", "section", "beside"), [*sections()])
def test_an_unknown_key_is_refused_with_the_one_that_is_meant(
    path: str, section: type, beside: Values
) -> None:
    key = max(fields_of(section), key=len)
    wrong = ".".join(filter(None, (path, f"{key}x")))
    line = refused(nested(wrong, 1), beside)
    assert line == f"{wrong}: unknown key; did you mean {key}?"
    strange = ".".join(filter(None, (path, "qqq")))
    line = refused(nested(strange, 1), beside)
    assert line == f"{strange}: unknown key; there are {', '.join(fields_of(section))}"


def test_every_kind_of_error_that_the_table_has_occurs() -> None:
    """Those that are in no table are said to have a wrong type, which the tests above see."""
    tried = [
        config.over(beside, nested(path, value), ())
        for path, _, beside in every_key()
        for value in (*WRONG, [], -7, 10**9, {3: 4})
    ]
    more: tuple[Values, ...] = ({"loggers": [{}]}, {"plan": {}}, {"audit": {"q": 1}})
    seen = set()
    for values in (*tried, *more):
        with suppress(UserError):
            try:
                config.Config.model_validate(values)
            except ValidationError as error:
                seen.add(error.errors()[0]["type"])
    assert set(_LINES) | _UNKNOWN <= seen


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("proxy.size=[64]", "proxy.size must be a list of two whole numbers, not [64]"),
        ("proxy.size=[64, x]", "proxy.size: item 2 must be a whole number, not 'x'"),
        ("proxy.epochs=ten", "proxy.epochs must be a whole number, not 'ten'"),
        ("proxy.epochs=1.5", "proxy.epochs must be a whole number, not 1.5"),
        ("proxy.epochs=0", "proxy.epochs must be at least 1, not 0"),
        ("proxy.recipe.balance=yes", "proxy.recipe.balance must be true or false, not 'yes'"),
        ("proxy.recipe.balance=1", "proxy.recipe.balance must be true or false, not 1"),
        ("proxy.recipe.clip=true", "proxy.recipe.clip must be a number, not true"),
        ("budget.hours=1:30", "budget.hours must be a number or null, not '1:30'"),
        ("budget.hours=.inf", "budget.hours must be a finite number, not inf"),
        ("proxy.scale=S50", "proxy.scale: no scale is called 'S50'; there are S49-, S49, S96"),
        ("proxy.scale.head=classifier", "proxy.scale.head must be one of deeplabv3, deeplabv3+"),
        ("proxy.scale.alpha=2", "proxy.scale.alpha must be above 0 and at most 1"),
        ("proxy.resolution={}", "proxy.resolution: give one of factor and short_side"),
        ("space.max_level=9", "space.max_level must be between 2 and 7"),
        ("space.stages={x: 1}", "space.stages.x: a key must be a whole number, not 'x'"),
        ("data.split.train=[1]", "data.split.train must be a string, a list of strings or null"),
        ("data.values={7: 3}", "data.values.7 must be a string, not 3"),
        ("data.name=ade20k", "data.name must be one of scenes, folder, coco"),
        ("data.root=[]", "data.root must be a path or null, not []"),
        ("engine.address={a: [null, x]}", 'engine.address must be a string or null, not {"a": [n'),
        ("batch_size=8", "batch_size: unknown key; did you mean proxy.recipe.batch_size, promo"),
        ("proxy.batch_size=8", "proxy.batch_size: unknown key; did you mean proxy.recipe.batch_"),
        ("proxy.epoch=3", "proxy.epoch: unknown key; did you mean epochs?"),
        ("controller.elit=3", "controller.elit: unknown key; did you mean elite?"),
        ("controller.name=pop", "controller.name: no controller is called 'pop'; did you mean pp"),
        ("controller.name=3", "controller.name: no controller is called '3'; there are predictor"),
        ("controller=ppo", "controller must be a mapping of keys to values, not 'ppo'"),
        (
            "controller={name: random, population: 3}",
            "controller.population: unknown key of random; it is an option of evolution and pareto",
        ),
        (
            "controller={name: pareto, objectives: [miou, flops]}",
            "controller.objectives: item 2 must be one of miou, macs",
        ),
        (
            "controller={name: pareto, objectives: [miou]}",
            'controller.objectives must have at least 2 items, not ["miou"]',
        ),
        ("loggers=[{}]", "loggers: item 1 has no name; there are tensorboard, mlflow, wandb"),
        ("loggers=[mlflw]", "loggers: no logger is called 'mlflw'; did you mean mlflow?"),
        ("plan={hours: 1}", "plan.machine is missing"),
        ('proxy={"epo\\nchs": 1}', "proxy.epo chs: unknown key; did you mean epochs?"),
    ],
)
def test_a_line_says_what_may_stand_there(setting: str, line: str) -> None:
    with pytest.raises(UserError) as caught:
        config.load("quickstart", [setting])
    assert str(caught.value).startswith(f"quickstart: {line}")


def test_a_config_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(UserError, match=r"^x: must be a mapping of keys to values, not \[1\]$"):
        config.parse([1], "x")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("proxy: [1, 2", ": line 1: while parsing a flow sequence"),
        ("seed: 1\nbudget: {}\nseed: 2", ": line 3: key 'seed' is given twice, first in line 1"),
        ("- a list", ': is not a config: must be a mapping of keys to values, not ["a list"]'),
        ("extends: 3", ": extends must name a preset or a file, not 3"),
        ("budget: {trials: 1:30}", ": budget.trials must be a whole number or null, not '1:30'"),
    ],
)
def test_a_file_that_is_no_config_is_refused(tmp_path: Path, text: str, line: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        config.load(str(path))
    assert str(caught.value).startswith(f"{path}{line}")
    assert "\n" not in str(caught.value)


def test_every_key_is_refused_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for path, _, beside in every_key():
        values = config.over(beside, nested(path, [[]]), ())
        Path("mine.yaml").write_text(strict_yaml.render(values))
        monkeypatch.setattr("sys.argv", ["nas", "search", "mine.yaml"])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        said = capsys.readouterr()
        assert (stop.value.code, said.out, said.err.count("\n")) == (2, "", 1)
        assert said.err.startswith(f"mine.yaml: {path}") or f" {path}" in said.err
    assert [file.name for file in tmp_path.iterdir()] == ["mine.yaml"]
