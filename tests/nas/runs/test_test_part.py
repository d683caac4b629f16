"""A full training where folds leave no images to validate on, and a test part is held out."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.config import Config
from nas.runs import data_identity, evaluations, promotion_records, tested
from nas.runs.directory import RunDirectory
from tests.support.runs import nas_here

NAME = "deeplabv3-resnet-50-os16"
SMALL = {"filters": 0.125, "endpoint_filters": 8, "aspp_filters": 8}
TRAINING = {"epochs": 1, "size": [32, 32], "scale": SMALL, "recipe": {"batch_size": 4}}


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    root = tmp_path / "data"
    for kind in ("images", "labels"):
        (root / kind).mkdir(parents=True)
    for index in range(8):
        rng = np.random.default_rng(index)
        labels = np.repeat(rng.integers(0, 3, (40, 1), np.uint8), 48, 1)
        Image.fromarray(labels).save(root / "labels" / f"{index}.png")
        image = np.stack([80 * labels] * 3, 2) + rng.integers(0, 9, (40, 48, 3), np.uint8)
        Image.fromarray(image).save(root / "images" / f"{index}.png")
    (root / "held.txt").write_text("6\n7\n")
    data = {
        "name": "folder", "root": str(root), "cache": str(tmp_path / "cache"),
        "classes": ["soil", "weed", "crop"], "split": {"folds": 3, "test": "held.txt"},
    }  # fmt: skip
    known = {"proxy": TRAINING, "promotion": TRAINING, "engine": {"name": "inline"}}
    config = Config.model_validate({"data": data, **known})
    held = data_identity.of(config).to_dict()
    return RunDirectory.create(tmp_path / "run", config, data=held)


def test_it_ends_without_a_score_and_is_scored_once_on_the_test_part(run: RunDirectory) -> None:
    done = nas_here("promote", str(run.path), "--baseline", NAME)
    assert done.returncode == 0, done.stderr
    assert "promoted: trained on all images, so none was left to validate on" in done.stdout
    assert "nothing is chosen using it" in done.stdout
    ended = promotion_records.load(run.promotions / NAME)
    assert (ended.miou, ended.folds, ended.unvalidated) == (None, 3, True)
    assert ended.weights is not None
    (scored,) = evaluations.load_all(run.promotions / NAME)
    assert (scored.data.split, scored.data.images, scored.weights) == ("test", 2, ended.digest)
    kept = (run.promotions / NAME / evaluations.FILE).read_bytes()
    assert nas_here("promote", str(run.path), "--baseline", NAME, "--resume").returncode == 0
    assert (run.promotions / NAME / evaluations.FILE).read_bytes() == kept
    (told,) = json.loads(nas_here("status", str(run.path), "--json").stdout)["promotions"]
    assert told["test_miou"] == scored.scores.miou
    assert told["note"].startswith("trained on all images")
    assert nas_here("report", str(run.path)).returncode == 0
    others_do_not_count_as_its_own(run)
    other_data_are_refused_by_every_command(run)


def others_do_not_count_as_its_own(run: RunDirectory) -> None:
    """Scores on other data, or of images that are seen otherwise, are kept and never shown as the
    run's test score."""
    known = promotion_records.load(run.promotions / NAME)
    before = tested.evaluation(known)
    assert before
    (run.promotions / NAME / evaluations.FILE).unlink()
    root = Path(str(run.config().data.root))
    config = run.path.parent / "other.yaml"
    values = run.config().model_dump(mode="json")
    other = shutil.copytree(root, root.parent / "other")
    (other / "held.txt").write_text("0\n1\n")
    values["data"]["root"] = str(other)
    config.write_text(json.dumps(values))
    weights = ("evaluate", str(run.promotions / NAME), "--split", "test")
    for options in (("--data", str(config)), ("--size", "24x24")):
        done = nas_here(*weights, *options)
        assert done.returncode == 0, done.stderr
        assert tested.evaluation(known) is None
    assert len(evaluations.load_all(run.promotions / NAME)) == 2
    assert nas_here(*weights).returncode == 0
    assert tested.evaluation(known) == replace(before, date=tested.evaluation(known).date)


def other_data_are_refused_by_every_command(run: RunDirectory) -> None:
    """Before anything is trained, or scored for the leaderboard's test part."""
    label = Path(str(run.config().data.root)) / "labels" / "6.png"
    kept = label.read_bytes()
    Image.fromarray(np.zeros((40, 48), np.uint8)).save(label)
    words = "nas: 1 of 8 label maps differs from those that the run began with, first labels/6.png"
    for command in (["promote", str(run.path)], ["search", "--run", str(run.path), "--resume"]):
        done = nas_here(*command)
        assert done.returncode == 2
        assert done.stderr.startswith(words)
    done = nas_here("evaluate", str(run.promotions / NAME), "--split", "test")
    assert done.returncode == 2
    assert "1 of 2 label maps differs from those that the run began with" in done.stderr
    label.write_bytes(kept)
    moved = label.parent.parent.rename(label.parents[2] / "moved")
    done = nas_here("evaluate", str(run.promotions / NAME), "--split", "test")
    assert (done.returncode, "--set data.root=DIR" in done.stderr) == (2, True)
    told = ("--split", "test", "--set", f"data.root={moved}")
    assert nas_here("evaluate", str(run.promotions / NAME), *told).returncode == 0
