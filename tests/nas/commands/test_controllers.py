"""``nas controllers``: every controller and option, as a config takes them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from nas import config
from nas.commands.controllers import controllers
from nas.controllers import CONTROLLERS
from proxy_tasks.objectives import TRADED


def said(as_json: bool, width: int = 140) -> str:
    file = StringIO()
    controllers(as_json, Console(file=file, width=width))
    return file.getvalue()


@pytest.fixture(scope="module")
def listed() -> dict[str, dict[str, Any]]:
    values = json.loads(said(as_json=True))
    return {each["name"]: each for each in values["controllers"]}


def test_every_controller_has_a_line_of_its_own(listed: dict[str, Any]) -> None:
    assert tuple(listed) == tuple(CONTROLLERS)
    lines = said(as_json=False).splitlines()
    for name, each in listed.items():
        found = [line for line in lines if line.startswith(f"{name} ")]
        assert len(found) == 1
        assert found[0].endswith(each["summary"])


def test_one_is_marked_as_what_a_config_gets_that_names_none() -> None:
    default = config.parse({}, "empty").controller.name
    marked = [line for line in said(as_json=False).splitlines() if "(the default)" in line]
    assert [line.split()[0] for line in marked] == [default]
    assert json.loads(said(as_json=True))["default"] == default


@pytest.mark.parametrize("name", CONTROLLERS)
def test_what_is_listed_can_be_given(name: str, listed: dict[str, Any]) -> None:
    options = listed[name]["options"]
    given = {key: option["default"] for key, option in options.items()}
    read = config.parse({"controller": {"name": name} | given}, "listed").controller
    assert read == CONTROLLERS[name]()
    assert set(options) == set(CONTROLLERS[name].model_fields) - {"name"}
    assert all(option["type"] and option["description"] for option in options.values())


@pytest.mark.parametrize(
    ("option", "default", "kind"),
    [
        ("initial", "10", "(integer ≥ 2)"),
        ("clip", "0.2", "(number > 0, < 1)"),
        ("sampler", "TPESampler", "(name)"),
        ("options", "{}", "(mapping)"),
        (
            "objectives",
            "[miou, macs]",
            f"(list of 2 or more: {', '.join(TRADED)})",
        ),
    ],
)
def test_an_option_is_listed_with_default_and_type(option: str, default: str, kind: str) -> None:
    wide = said(as_json=False, width=300).splitlines()
    lines = [line for line in wide if line.startswith(f"   {option} ")]
    assert lines[0].split(option, 1)[1].strip().startswith(default)
    assert lines[0].rstrip().endswith(kind)


def test_the_documentation_has_the_same_options_and_defaults() -> None:
    text = (Path(__file__).parents[3] / "docs" / "reference" / "configuration.md").read_text(
        "utf-8"
    )
    table = re.findall(r"^\| (?:`(\w+)`)? ?\| (?:`(\w+)`)? ?\| ([^|]*?) ?\|", text, re.MULTILINE)
    documented: dict[str, dict[str, Any]] = {}
    for name, option, default in table:
        if name:
            options = documented.setdefault(name, {})
        elif option:
            options[option] = yaml.safe_load(default)
    typed = {name: section().model_dump(mode="json") for name, section in CONTROLLERS.items()}
    assert documented == {name: values for name, values in typed.items() if values.pop("name")}


def test_a_narrow_terminal_loses_nothing(listed: dict[str, Any]) -> None:
    words = set(said(as_json=False, width=60).replace("(", " ").replace(")", " ").split())
    for each in listed.values():
        for name, option in each["options"].items():
            assert {name, *option["description"].split()} <= words


def test_listing_needs_neither_torch_nor_optuna() -> None:
    code = (
        "import sys; from nas.cli import app\n"
        "app(['controllers'], standalone_mode=False)\n"
        "heavy = {'torch', 'optuna', 'ray', 'pandas', 'scipy'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("predictor")
