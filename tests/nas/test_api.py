"""The Python face: what docs/how-to/python.md shows runs as it stands there."""

import math
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import nas
from nas import config
from nas.parts import build, checks
from search_space import Architecture, catalog
from search_space.scales import SCALES

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "python.md"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """The page's examples, run in an empty folder: the folder and the names that they leave."""
    folder = tmp_path_factory.mktemp("page")
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for code in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
            exec(code, names)
    return folder, names


def test_the_page_s_search_is_a_run_like_any_other(shown):
    folder, names = shown
    run = nas.load(folder / "runs/first")
    candidates = run.trials[run.trials.kind == "candidate"]
    assert list(candidates.state) == ["complete"] * 3
    assert len(run.leaderboard) == len(run.trials)
    assert isinstance(run.best, Architecture)
    assert run.network(int(candidates.number.iloc[0])) is not None
    assert names["logits_BKHW"].shape[:2] == (1, 6)
    assert (folder / "found/architecture.yaml").is_file()
    assert (folder / "found/network.py").is_file()


def test_a_resumed_run_goes_on(shown, monkeypatch):
    folder, _ = shown
    monkeypatch.chdir(folder)
    run = nas.search(run="runs/first", resume=True, trials=4, engine="inline", quiet=True)
    assert sum(run.trials.kind == "candidate") == 4


def test_an_objective_of_ones_own_takes_the_place_of_trainings(shown, monkeypatch):
    folder, names = shown
    run = nas.load(folder / "runs/own")
    scores = [names["narrow_and_deep"](run.network(n)) for n in run.trials.number]
    assert list(run.trials.score) == scores
    assert names["narrow_and_deep"](run.best) == max(scores)
    monkeypatch.chdir(folder)
    again = nas.search(
        objective=names["narrow_and_deep"], run="runs/own", resume=True, trials=25, quiet=True
    )
    assert len(again.trials) == 25
    with pytest.raises(nas.UserError, match=r"is a Python function; pass it to nas\.search"):
        nas.search(run="runs/own", resume=True, quiet=True)


def test_an_objective_that_is_not_finite_is_a_failure_of_the_network(tmp_path):
    values = iter([1.0, math.nan, math.inf, 2.0])
    run = nas.search(
        objective=lambda _: next(values),
        trials=4,
        run=tmp_path / "run",
        settings={"controller.name": "random"},
        quiet=True,
    )
    assert list(run.trials.state) == ["complete", "infeasible", "infeasible", "complete"]
    assert list(run.leaderboard.score) == [2.0, 1.0]


def test_whatever_trains_refuses_an_objective_of_ones_own(tmp_path):
    loaded = config.load("quickstart", ["proxy.score=objective"])
    with pytest.raises(nas.UserError, match=r"^proxy.score: objective is a Python function"):
        checks.check(loaded, build.space(loaded))
    with pytest.raises(nas.UserError, match=r"^data: an objective of your own reads no images"):
        nas.search(objective=len, data=tmp_path, run=tmp_path / "run", quiet=True)
    with pytest.raises(nas.UserError, match=r"^proxy.score: miou, but networks are scored by"):
        nas.search(
            objective=len, run=tmp_path / "run", settings={"proxy.score": "miou"}, quiet=True
        )
    assert not (tmp_path / "run").exists()


def test_mistakes_are_raised_with_their_line(tmp_path):
    with pytest.raises(nas.UserError, match="no run"):
        nas.load(tmp_path / "nothing")
    with pytest.raises(nas.UserError, match="proxy"):
        nas.search("quickstart", run=tmp_path / "run", settings={"proxy.epocs": 1}, quiet=True)
    assert not (tmp_path / "run").exists()
    with pytest.raises(nas.UserError, match="'lenet' is neither a file nor in the catalogue"):
        nas.build("lenet")


def test_settings_of_a_mapping_are_those_of_the_command_line(tmp_path, monkeypatch):
    told = {}
    monkeypatch.setattr("nas.commands.search.search", lambda asked, *rest: told.update(a=asked))
    values = {
        "seed": 3,
        "baselines": [],
        "data.root": tmp_path,
        "promotion.resolution": {"factor": 0.5},
    }
    nas.search("quickstart", run=tmp_path / "run", settings=values, hours=2.0, quiet=True)
    assert told["a"].hours == 2.0
    assert list(told["a"].settings) == [
        "seed=3",
        "baselines=[]",
        f"data.root={tmp_path}",
        "promotion.resolution={factor: 0.5}",
    ]


@pytest.mark.parametrize("given", ["spinenet-49", "file", "architecture"])
def test_a_network_is_built_from_a_name_a_file_or_an_architecture(given, tmp_path):
    file = Path(catalog.__file__).parent / "spinenet-49.yaml"
    source = {"file": file, "architecture": catalog.load("spinenet-49")}.get(given, given)
    network = nas.build(source, SCALES["S49-"], 3, (32, 64)).eval()
    with torch.no_grad():
        assert network(torch.zeros(2, 3, 32, 64)).shape == (2, 3, 32, 64)


def test_importing_it_loads_nothing_heavy():
    heavy = "{'torch', 'ray', 'optuna', 'pandas', 'matplotlib'} & set(sys.modules)"
    code = f"import nas, sys; dir(nas); assert not {heavy}, {heavy}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_is_typed_to_the_outside(tmp_path):
    (tmp_path / "user.py").write_text(
        "import nas\n"
        "from search_space import Architecture\n"
        "reveal_type(Architecture)\nreveal_type(nas.load('x'))\n"
    )
    pytest.importorskip("mypy")
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path), "user.py"]
    where = os.environ | {"MYPYPATH": str(PAGE.parents[2])}
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=where).stdout
    assert "search_space.architecture.Architecture" in told, told
    assert "nas.api.Run" in told, told
