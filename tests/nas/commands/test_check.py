"""``nas check`` finds what is damaged, says what to do, and writes nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.nas.commands.test_other_data import draw
from tests.support.runs import arguments, nas_here

PARTS = ["ledger", "records", "weights", "artifacts", "data", "packs"]
PROMOTION = "run/promotions/trial-0000"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of one candidate that is promoted, its data and its cache."""
    folder = tmp_path_factory.mktemp("made")
    draw(folder / "data")
    data = {"data__name": "folder", "data__root": str(folder / "data"), "data__scenes": "[1, 1]"}
    small = arguments(folder / "cache", baselines="[]", promotion__epochs="1", **data)
    words = ("--engine", "inline", "--trials", "1", "--run", str(folder / "run"), *small)
    done = nas_here("search", *words, "--set", "promotion.top=1")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """Of its own for a test to break."""
    place = Path(shutil.copytree(made, tmp_path / "place"))
    config = place / "run/config.yaml"
    config.write_text(config.read_text().replace(str(made), str(place)))
    return place


def content(place: Path) -> dict[Path, Any]:
    files = (path for path in place.rglob("*") if path.is_file())
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def checked(place: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """The exit code, and what is told as JSON."""
    before = content(place)
    done = nas_here("check", str(place / "run"), "--json", *words)
    assert content(place) == before
    told = json.loads(done.stdout)
    assert told["whole"] == (done.returncode == 0)
    assert list(told["parts"]) == PARTS
    return done.returncode, told["parts"]


def test_a_run_that_is_whole_is_a_line_a_part(place: Path) -> None:
    done = nas_here("check", str(place / "run"))
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[:2] for line in lines] == [[part, "whole"] for part in PARTS]
    assert [lines[0][2], lines[2][2], lines[4][2], lines[5][2:5]] == [
        "1",
        "2",
        "16",
        ["1", "of", "1"],
    ]
    assert checked(place)[0] == 0


def zeroed(path: Path) -> None:
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes(300) + whole[middle + 300 :])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def replaced(old: str, new: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


@pytest.mark.parametrize(
    ("file", "damage", "part", "words"),
    [
        ("run/ledger.journal", zeroed, "ledger", "the ledger is damaged; restore"),
        ("run/ledger.journal", replaced('"residual"', '"bottleneck"'), "ledger", "trial 0 is not"),
        ("run/data.json", cut, "records", "data.json: damaged"),
        ("run/environment.json", cut, "records", "environment.json: damaged"),
        (f"{PROMOTION}/promotion.json", cut, "records", "promotion.json: damaged record"),
        (f"{PROMOTION}/promotion.json", replaced('"key": "', '"key": "0'), "records", "network"),
        (f"{PROMOTION}/settings.json", cut, "records", "settings.json: damaged"),
        (f"{PROMOTION}/best.safetensors", zeroed, "weights", "--trial 0 --label again"),
        (f"{PROMOTION}/best.safetensors", Path.unlink, "weights", "best.safetensors: gone"),
        (f"{PROMOTION}/checkpoint.pt", zeroed, "weights", "the training begins anew"),
        ("run/artifacts/best.yaml", replaced("residual", "bottleneck"), "artifacts", "key: the"),
        ("run/artifacts/front.svg", cut, "artifacts", "--resume` writes it again"),
        ("run/artifacts/best.png", cut, "artifacts", "--resume` writes it again"),
        ("data/val/labels/3.png", zeroed, "data", "1 of 16 label maps differs"),
        ("data/classes.txt", replaced("weed", "herb"), "data", "the classes are soil, herb"),
        ("cache/folder-*/images-train.npy", zeroed, "packs", "images-train.npy not as packed"),
        ("cache/folder-*/meta.json", cut, "packs", "files are missing or cut off"),
    ],
)
def test_what_is_damaged_is_one_line_with_what_to_do(
    file: str, damage: Callable[[Path], None], part: str, words: str, place: Path
) -> None:
    (path,) = place.glob(file)
    damage(path)
    code, told = checked(place)
    assert code == 1
    wrong = {name: each["faults"] for name, each in told.items() if each["faults"]}
    if file == "run/data.json":  # there is nothing to compare the data with, either
        del wrong["data"]
    assert list(wrong) == [part]
    (line,) = wrong[part]
    assert words in line
    assert "\n" not in line


def test_a_broken_config_leaves_unread_what_it_leads_to(place: Path) -> None:
    (place / "run/config.yaml").write_text("seed: [")
    code, told = checked(place)
    assert code == 1
    assert [told[part]["whole"] for part in PARTS] == [None, False, True, True, None, None]


def test_data_that_moved_are_named(place: Path) -> None:
    (place / "data").rename(place / "elsewhere")
    assert checked(place)[0] == 1
    assert checked(place, "--set", f"data.root={place / 'elsewhere'}")[0] == 0
    done = nas_here("check", str(place / "run"), "--set", "seed=3")
    assert (done.returncode, "a run keeps its config" in done.stderr) == (2, True)


def test_a_cache_that_was_emptied_is_no_fault(place: Path) -> None:
    shutil.rmtree(place / "cache")
    code, told = checked(place)
    assert (code, told["packs"]["seen"]) == (0, "0 of 1 are in the cache, 0 MB")


def test_a_folder_without_a_run_is_a_mistake(tmp_path: Path) -> None:
    assert nas_here("check", str(tmp_path)).returncode == 2
