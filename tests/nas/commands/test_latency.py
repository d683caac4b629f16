"""``nas latency``: what is measured here, and what is predicted from it."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from nas import cli
from results.latency import measure as measuring
from search_space.errors import UserError
from search_space.latency import load
from tests.support.latency import networks, table

needs_onnx = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("onnx", "onnxruntime")),
    reason="pip install -e '.[export]'",
)


def nas(*words: str) -> Result:
    return CliRunner().invoke(cli.app, ["latency", *words])


def refused(*words: str) -> str:
    found = nas(*words)
    assert isinstance(found.exception, UserError), found.output
    assert "\n" not in str(found.exception)
    return str(found.exception)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    table(networks(4)).save(path)
    return path


@needs_onnx
def test_a_table_of_this_device_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "FEWEST", 2)
    monkeypatch.setattr(measuring, "EACH", 0.01)
    path = tmp_path / "here.csv"
    done = nas("measure", "-o", str(path), "--seconds", "0.1", "--size", "32")
    assert done.exit_code == 0, done.output
    assert f"wrote {path}" in done.output.replace("\n", "")
    found = load(path)
    assert found.measured.runtime.startswith("onnxruntime ")
    assert found.measured.threads == 1
    assert {"conv", "depthwise", "sum", "bilinear"} <= {row.operator.kind for row in found.rows}
    assert sum(row.ms for row in found.rows) > 0
    shown = nas("show", "efficientnet-lite0", "--table", str(path), "--size", "32", "--json")
    told = json.loads(shown.output)["predicted"]
    assert 0 < told["low_ms"] < told["ms"] < 1000


def test_a_network_is_predicted_part_by_part(file: Path) -> None:
    words = ("spinenet-49", "--table", str(file), "--scale", "S49-", "--size", "64x96")
    told = json.loads(nas("show", *words, "--json").output)
    parts = told["predicted"]["parts"]
    assert sum(parts.values()) == pytest.approx(told["predicted"]["ms"])
    assert {"stem", "aspp", "classifier", "logits"} <= parts.keys()
    assert told["table"]["device"] == "a simple machine"
    assert told["measured"] is told["error"] is None
    text = nas("show", *words).output
    assert "up-sampled logits" in text
    assert "a simple machine" in text


def test_a_description_tells_the_latency_that_a_table_predicts(file: Path) -> None:
    words = ["describe", "spinenet-49", "--scale", "S49-", "--size", "64x96"]
    given = [*words, "--latency-table", str(file)]
    shown = nas("show", *words[1:], "--table", str(file), "--json").output
    wanted = json.loads(shown)["predicted"]["ms"]
    told = json.loads(CliRunner().invoke(cli.app, [*given, "--json"]).output)
    assert told["exported_latency"] == pytest.approx(wanted / 1e3)
    assert "exported latency" in CliRunner().invoke(cli.app, given).output
    assert "exported_latency" not in CliRunner().invoke(cli.app, [*words, "--json"]).output


MISTAKES = {
    "no table": (("show", "spinenet-49"), "nas latency measure -o latency.csv writes one"),
    "no such table": (("show", "spinenet-49", "--table", "x.csv"), "x.csv: No such file"),
    "no such network": (("show", "nothing", "--table", "x.csv"), "'nothing' is neither a file"),
    "a trial of no run": (("show", "spinenet-49", "--trial", "3"), "is no run"),
    "a runtime": (("measure", "--runtime", "tvm"), "--runtime tvm: must be onnxruntime"),
    "threads": (("measure", "--threads", "0"), "--threads 0: must be at least 1"),
    "seconds": (("measure", "--seconds", "0"), "--seconds 0: must be above 0"),
    "a folder": (("measure", "-o", "nowhere/x.csv"), "give a file in a folder that is there"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_gets_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words, said = MISTAKES[name]
    assert said in refused(*words)
    assert list(tmp_path.iterdir()) == []


def test_without_onnx_runtime_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "find_spec", lambda name: None)
    assert refused("measure").endswith("pip install onnx onnxruntime")


def test_a_device_that_measures_needs_neither_torch_nor_what_searches() -> None:
    names = ("torch", "ray", "optuna", "pandas", "pydantic", "matplotlib", "scipy", "PIL")
    script = (
        "import sys, nas.cli, nas.commands.latency_table, results.latency.profile\n"
        f"print([name for name in {names} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
