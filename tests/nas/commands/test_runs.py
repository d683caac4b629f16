"""``nas runs``: one line for each run of a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nas.cli import main
from nas.config import Config
from nas.runs import at_work, ledgers
from nas.runs.directory import RunDirectory
from proxy_tasks.task import Measurement
from search_space import catalog

CONFIG = Config.model_validate(
    {"data": {"name": "folder", "root": "photos", "classes": ["a", "b"]}}
)


def made(path: Path) -> RunDirectory:
    run = RunDirectory.create(path, CONFIG)
    with ledgers.make(run, CONFIG, (), {}) as ledger:
        backbone = catalog.load("spinenet-49")
        for number, name in enumerate(("one", "two")):
            ledger.start(name, "candidate", backbone, f"key{number}", None)
        ledger.finish(0, Measurement(3, 10, 20, 1.0, miou=0.413, loss=1.0, score=0.413))
    return run


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, int]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("sys.argv", ["nas", *words])
        with pytest.raises(SystemExit) as left:
            main()
    told = capsys.readouterr()
    return told.out + told.err, int(left.value.code or 0)


def test_each_run_has_its_data_state_and_best(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path / "old")
    stopped = made(tmp_path / "stopped")
    (stopped.path / at_work.FILE).write_text("nas search --run stopped --resume")
    (tmp_path / ".draft").mkdir()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.yaml").write_text("seed: [")
    said, code = printed(capsys, "runs", str(tmp_path), "--json")
    listed = {each["name"]: each for each in json.loads(said)}
    assert code == 0
    assert {name: each["state"] for name, each in listed.items() if name != "broken"} == {
        "old": "unfinished",
        "stopped": "interrupted",
    }
    assert listed["old"]["data"] == "photos"
    assert (listed["old"]["trials"], listed["old"]["score"]) == (1, 0.413)
    assert "config.yaml" in listed["broken"]["state"]
    table, _ = printed(capsys, "runs", str(tmp_path))
    assert "41.3 %" in table


def test_a_folder_without_runs_gets_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, code = printed(capsys, "runs", str(tmp_path))
    assert (said.count("\n"), code) == (1, 2)
    assert "no run is here; give a folder of runs" in said


def test_status_of_a_folder_of_runs_names_the_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(tmp_path / "one")
    said, code = printed(capsys, "status", str(tmp_path))
    assert (said.count("\n"), code) == (1, 2)
    assert f"is a folder of runs: name one; `nas runs {tmp_path}` lists them" in said
