"""A promotion's weights are those that its training ended with, by the digest in its record."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from nas.runs import promotion_records
from nas.runs.promotion_records import RECORD
from search_space.errors import UserError
from tests.support.runs import arguments, nas_here

INLINE = ("--set", "engine.name=inline")
FOLDER = "promotions/trial-0000"


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "run"
    small = arguments(run.parent / "cache", baselines="[]", promotion__epochs="1")
    words = ("--engine", "inline", "--trials", "1", "--run", str(run), *small)
    assert nas_here("search", *words).returncode == 0
    assert nas_here("promote", str(run), *INLINE).returncode == 0
    return run


@pytest.fixture
def run(promoted: Path, tmp_path: Path) -> Path:
    """One of its own for a test to break."""
    return Path(shutil.copytree(promoted, tmp_path / "run"))


def changed(weights: Path) -> None:
    """As whole a file as before, of other values."""
    with safe_open(weights, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(weights)
    next(iter(tensors.values())).mul_(-1)
    save_file(tensors, weights, metadata)


@pytest.mark.parametrize(
    "words",
    [
        ("export", "RUN", "--format", "python", "-o", "OUT"),
        ("export", f"RUN/{FOLDER}", "--format", "spec", "-o", "OUT"),
        ("evaluate", f"RUN/{FOLDER}"),
        ("evaluate", f"RUN/{FOLDER}/best.safetensors"),
        ("predict", f"RUN/{FOLDER}", "RUN/artifacts/best.png", "-o", "OUT"),
        ("promote", "RUN", "--resume", *INLINE),
    ],
)
@pytest.mark.parametrize("damage", [changed, Path.unlink])
def test_others_are_refused_in_one_line_that_says_how_to_go_on(
    damage, words: tuple[str, ...], run: Path, tmp_path: Path
) -> None:
    weights = run / FOLDER / "best.safetensors"
    damage(weights)
    record = (run / FOLDER / RECORD).read_bytes()
    given = [word.replace("RUN", str(run)).replace("OUT", str(tmp_path / "out")) for word in words]
    done = nas_here(*given)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    if damage is changed:
        assert "not the weights that the training ended with" in line
    if words[0] in ("export", "promote") or damage is changed:
        assert line.endswith(f"train again: nas promote {run} --trial 0 --label again")
    assert (run / FOLDER / RECORD).read_bytes() == record
    assert not (tmp_path / "out").exists()


def test_records_of_before_that_say_no_digest_still_load(run: Path, tmp_path: Path) -> None:
    file = run / FOLDER / RECORD
    known = promotion_records.load(file.parent)
    record = json.loads(file.read_text())
    del record["digest"]
    file.write_text(json.dumps(record))
    assert promotion_records.load(file.parent) == replace(known, digest=None)
    done = nas_here("export", str(run), "--format", "spec", "-o", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr


def test_a_baseline_is_trained_again_by_its_name(tmp_path: Path) -> None:
    known = promotion_records.Promotion(
        "spinenet-49",
        None,
        "k",
        0,
        None,
        0.5,
        1,
        None,
        tmp_path / "none",
        None,
        {},  # type: ignore[arg-type]
    )
    with pytest.raises(UserError, match="gone; put them back.* --baseline spinenet-49 --label"):
        known.check_weights()


def test_a_damaged_checkpoint_is_one_line_before_anything_is_trained(run: Path) -> None:
    checkpoint = run / FOLDER / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-5000])
    (run / FOLDER / RECORD).unlink()
    done = nas_here("promote", str(run), "--resume", *INLINE)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{checkpoint}: damaged" in done.stderr
    checkpoint.unlink()
    assert nas_here("promote", str(run), "--resume", *INLINE).returncode == 0


def test_a_link_and_a_relative_path_are_weights_of_their_run(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = run / FOLDER / "best.safetensors"
    changed(weights)
    (link := tmp_path / "link.safetensors").symlink_to(weights)
    monkeypatch.chdir(weights.parent)
    for named in (str(link), weights.name, "."):
        done = nas_here("evaluate", named, "--data", "quickstart")
        assert done.returncode == 2
        assert done.stderr.endswith(f"nas promote {run} --trial 0 --label again\n")
