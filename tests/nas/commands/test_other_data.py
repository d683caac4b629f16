"""Data that changed since a run began, or that moved, as every command meets them."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.runs import arguments, nas_here, trials_of

PROMOTION = "promotions/trial-0000"
INLINE = ("--engine", "inline")


def draw(root: Path) -> None:
    for part in ("train", "val"):
        for kind in ("images", "labels"):
            (root / part / kind).mkdir(parents=True)
        for number in range(8):
            labels = np.random.default_rng(number).integers(0, 3, (32, 48), np.uint8)
            Image.fromarray(labels * 80).convert("RGB").save(root / part / f"images/{number}.png")
            Image.fromarray(labels).save(root / part / f"labels/{number}.png")
    (root / "classes.txt").write_text("soil\nweed\ncrop\n")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of one candidate that is promoted, and its data."""
    folder = tmp_path_factory.mktemp("made")
    draw(folder / "data")
    data = {"data__name": "folder", "data__root": str(folder / "data"), "data__scenes": "[1, 1]"}
    small = arguments(folder / "cache", baselines="[]", promotion__epochs="1", **data)
    words = (*INLINE, "--trials", "1", "--run", str(folder / "run"), *small)
    done = nas_here("search", *words, "--set", "promotion.top=1")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """Of its own for a test: the run's config says where the data lie now."""
    shutil.copytree(made / "data", tmp_path / "data")
    shutil.copytree(made / "run", tmp_path / "run")
    config = tmp_path / "run/config.yaml"
    config.write_text(config.read_text().replace(str(made / "data"), str(tmp_path / "data")))
    return tmp_path


GOING_ON = [
    ("search", "--run", "RUN", "--resume", "--trials", "2"),
    ("promote", "RUN", "--trial", "0", "--label", "again"),
    ("evaluate", f"RUN/{PROMOTION}"),
]


def given(words: tuple[str, ...], place: Path) -> list[str]:
    return [word.replace("RUN", str(place / "run")) for word in words]


@pytest.mark.parametrize("words", GOING_ON, ids=lambda words: words[0])
def test_data_that_changed_are_refused_and_nothing_is_written(
    words: tuple[str, ...], place: Path
) -> None:
    shutil.copy(place / "data/val/labels/1.png", place / "data/val/labels/2.png")
    before = {path: path.read_bytes() for path in (place / "run").rglob("*") if path.is_file()}
    done = nas_here(*given(words, place))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "differs from those that the run began with, first val/labels/2.png" in line
    after = {path: path.read_bytes() for path in (place / "run").rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize("words", GOING_ON, ids=lambda words: words[0])
def test_data_that_moved_are_named_anew(words: tuple[str, ...], place: Path) -> None:
    (place / "data").rename(place / "elsewhere")
    done = nas_here(*given(words, place))
    assert done.returncode == 2
    assert done.stderr.endswith("say where they are now, with --set data.root=DIR\n")
    done = nas_here(*given(words, place), "--set", f"data.root={place / 'elsewhere'}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("report", "RUN"),
        ("status", "RUN"),
        ("export", "RUN", "--format", "python", "-o", "OUT"),
        ("predict", f"RUN/{PROMOTION}", "RUN/artifacts/best.png", "-o", "OUT"),
    ],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize("promoted", [True, False])
def test_what_reads_no_images_does_not_ask_where_they_are(
    words: tuple[str, ...], promoted: bool, place: Path
) -> None:
    if not promoted:
        if words[0] == "predict":
            return
        shutil.rmtree(place / "run" / "promotions")
    shutil.rmtree(place / "data")
    done = nas_here(*[each.replace("OUT", str(place / "out")) for each in given(words, place)])
    assert done.returncode == 0, done.stderr


def test_other_data_that_are_named_can_be_scored_on(place: Path) -> None:
    shutil.copy(place / "data/val/labels/1.png", place / "data/val/labels/2.png")
    other = ("--data", "folder", "--set", f"data.root={place / 'data'}")
    done = nas_here("evaluate", str(place / "run" / PROMOTION), *other)
    assert done.returncode == 0, done.stderr


def test_a_copy_begins_with_what_the_run_found_and_has_an_identity_of_its_own(place: Path) -> None:
    """The command is the one that the refusal tells."""
    (place / "data/classes.txt").write_text("soil\nweed\ncrop\nstone\n")
    run = place / "run"
    refused = nas_here("search", "--run", str(run), "--resume", "--trials", "2").stderr
    told = shlex.split(refused.rpartition(" on them: nas ")[2])
    done = nas_here(*told[:-1], str(place / "new"), "--set", "promotion.top=0")
    assert done.returncode == 0, done.stderr
    keys = [[trial["key"] for trial in trials_of(each)] for each in (run, place / "new")]
    assert keys[0] == keys[1]
    identities = [json.loads((each / "data.json").read_text()) for each in (run, place / "new")]
    assert [len(each["classes"]) for each in identities] == [3, 4]


def test_the_command_of_a_copy_holds_for_a_shell_and_for_data_that_moved(place: Path) -> None:
    shutil.copy(place / "data/val/labels/1.png", place / "data/val/labels/2.png")
    moved = (place / "data").rename(place / "my data")
    run = (place / "run").rename(place / "my run")
    again = ("--resume", "--trials", "2", "--set", f"data.root={moved}")
    told = nas_here("search", "--run", str(run), *again).stderr.rpartition(" on them: nas ")[2]
    words = shlex.split(told)
    assert words[-1] == "NEW"
    done = nas_here(*words[:-1], str(place / "new"), "--set", "promotion.top=0")
    assert done.returncode == 0, done.stderr
