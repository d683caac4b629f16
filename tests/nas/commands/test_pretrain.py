"""``nas pretrain`` as a user has it: from a folder of images to a full training's first weights."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file

from proxy_tasks.checkpoint import Weights
from results.export import sums
from search_space import architecture_file
from search_space.errors import UserError
from search_space.scale_permuted import ScalePermutedSpace
from tests.support.picture_folders import imagenet, pictures
from tests.support.runs import arguments, command, environment, nas_here

TINY = ("filters=0.125", "endpoint_filters=8", "aspp_filters=8")
NETWORK = "spinenet-49"


def options(cache: Path, *more: str) -> list[str]:
    """Of a pretraining of a second."""
    settings = [f"scale.{each}" for each in TINY]
    settings += ["recipe.batch_size=4", "threads=1", f"cache={cache}", *more]
    given = [part for each in settings for part in ("--set", each)]
    return ["--size", "32x48", "--epochs", "2", *given]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return imagenet(tmp_path_factory.mktemp("imagenet"), train=3, val=1)


@pytest.fixture(scope="module")
def done(data: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("done") / "pretrained"
    ended = nas_here("pretrain", NETWORK, "--data", str(data), *options(cache), "-o", str(folder))
    assert ended.returncode == 0, ended.stderr
    assert "learns 3 classes from 9 images, 3 held out" in ended.stdout
    assert "top-1" in ended.stdout
    assert "drawn anew: endpoints, aspp" in ended.stdout
    return folder


def test_it_ends_with_weights_and_all_that_tells_where_they_come_from(done: Path) -> None:
    weights = Weights.open(done / "weights.safetensors")
    assert weights.alone
    assert weights.classes == ("blue", "green", "red")
    tensors = load_file(done / "weights.safetensors")
    assert all(name.startswith("backbone.") for name in tensors)
    sums.check(done / "weights.safetensors")
    spec = architecture_file.load_spec(done / "architecture.yaml")
    assert spec.backbone == weights.backbone
    rows = list(csv.DictReader((done / "history.csv").open()))
    assert [row["epochs"] for row in rows] == ["1", "2"]
    own = spec.provenance["pretraining"]
    for name in ("loss", "top1", "top5", "constant", "constant_top1"):
        assert own[name] == pytest.approx(float(rows[-1][name]))
    assert (own["images"], own["classes"]) == (9, 3)
    settings = json.loads((done / "settings.json").read_text())
    assert len(settings["digests"]["images"]) == 64
    assert json.loads((done / "environment.json").read_text())["packages"]["torch"]


def test_such_weights_label_nothing_by_themselves(done: Path) -> None:
    with pytest.raises(UserError, match="holds a pretrained backbone, which labels nothing"):
        Weights.open(done / "weights.safetensors").network()


def test_the_best_of_a_run_is_pretrained_as_it_is_promoted_and_then_starts_from_that(
    data: Path, cache: Path, tmp_path: Path
) -> None:
    run, folder = tmp_path / "run", tmp_path / "pretrained"
    few = arguments(cache, budget__trials="1", baselines="[]", engine__name="inline")
    searched = nas_here("search", "--run", str(run), *few)
    assert searched.returncode == 0, searched.stderr
    settings = ("recipe.batch_size=4", "threads=1", f"cache={cache}")
    given = [part for each in settings for part in ("--set", each)]
    where = ("--data", str(data), "-o", str(folder))
    made = nas_here("pretrain", str(run), *where, "--size", "32x48", "--epochs", "1", *given)
    assert made.returncode == 0, made.stderr
    file = folder / "weights.safetensors"
    start = ("--set", f"promotion.weights={file}", "--set", "promotion.epochs=1")
    ended = nas_here("promote", str(run), "--top", "1", *start)
    assert ended.returncode == 0, ended.stderr
    count = len(load_file(file))
    assert f"weights: {count} of {count} tensors from {file}" in ended.stdout
    other = nas_here("promote", str(run), "--baseline", NETWORK, *start)
    assert (other.returncode, other.stdout) == (2, "")
    assert "the weights are of another backbone" in other.stderr


def test_a_kill_and_resume_end_with_the_weights_of_an_unbroken_run(
    data: Path, cache: Path, tmp_path: Path
) -> None:
    """A teacher's features, in real processes; resumed by the folder alone."""
    folder, whole = tmp_path / "killed", tmp_path / "whole"
    space = ScalePermutedSpace(stages=((3, 1),), output_levels=(3, 4), max_level=4)
    architecture_file.save(tmp_path / "tiny.yaml", space.decode((0,) * len(space.genes)))
    asked = ["pretrain", str(tmp_path / "tiny.yaml"), "--data", str(data)]
    asked += ["--teacher", "efficientnet-lite0", *options(cache, "images=4")]
    asked[asked.index("--epochs") + 1] = "6"
    assert nas_here(*asked, "-o", str(whole)).returncode == 0
    child = subprocess.Popen(command(*asked, "-o", str(folder), "-q"), env=environment())
    deadline = time.monotonic() + 120
    while not (folder / "checkpoint.pt").is_file():
        assert child.poll() is None, "ended before its first epoch"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not (folder / "weights.safetensors").exists()
    resumed = nas_here("pretrain", "--resume", "-o", str(folder))
    assert resumed.returncode == 0, resumed.stderr
    for name in ("weights.safetensors", "SHA256SUMS", "architecture.yaml"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes()


def test_resumed_after_its_end_it_says_the_same_again(done: Path) -> None:
    before = (done / "weights.safetensors").read_bytes()
    again = nas_here("pretrain", "--resume", "-o", str(done))
    assert again.returncode == 0, again.stderr
    assert (done / "weights.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--epochs", "3"], r"was started with other settings \(epochs\)"),
        (["--set", "recipe.flip=0"], r"\(recipe\)"),
        (["--teacher", "efficientnet-lite0"], r"teacher"),
    ],
)
def test_it_goes_on_with_the_settings_that_it_began_with(
    done: Path, more: list[str], said: str
) -> None:
    refused = nas_here("pretrain", "--resume", "-o", str(done), *more)
    assert refused.returncode == 2
    assert re.search(said, refused.stderr), refused.stderr


def test_other_images_or_another_network_are_refused_and_moved_ones_are_not(
    done: Path, data: Path, tmp_path: Path
) -> None:
    other = imagenet(tmp_path / "other", train=4, val=1)
    refused = nas_here("pretrain", "--resume", "-o", str(done), "--data", str(other))
    assert "other settings (images)" in refused.stderr
    refused = nas_here("pretrain", "deeplabv3-resnet-50-os8", "--resume", "-o", str(done))
    assert "other settings (network)" in refused.stderr
    moved = imagenet(tmp_path / "moved", train=3, val=1)
    assert nas_here("pretrain", "--resume", "-o", str(done), "--data", str(moved)).returncode == 0


def unreadable(folder: Path) -> None:
    pictures(folder / "a", 3)
    pictures(folder / "b", 3)
    (folder / "b" / "1.png").write_bytes(b"no picture")


def flat(folder: Path) -> None:
    pictures(folder, 8)


def one_class(folder: Path) -> None:
    pictures(folder / "a", 4)


def deep(folder: Path) -> None:
    imagenet(folder, 2, 1)
    grey = Image.new("I;16", (48, 40))
    grey.save(folder / "train" / "red" / "1.png")


@pytest.mark.parametrize(
    ("make", "words", "said"),
    [
        (flat, [], "no classes"),
        (one_class, [], "one class alone, a,"),
        (unreadable, [], "b/1.png cannot be read"),
        (deep, [], "red/1.png has 3 channels of 16 bits"),
        (flat, ["--teacher", "resnet-50"], "resnet-50 are in no package"),
        (flat, ["--teacher", "nobody"], "teacher: nobody is neither an encoder"),
        (flat, ["--teacher", "efficientnet-lite0", "--set", "levels=[6]"], "levels: 6 is not"),
        (imagenet, ["--size", "16"], "size must be at least 32"),
        (imagenet, ["--set", "recipe.batch_size=99"], "batch_size: 99 is more than"),
        (imagenet, ["--scale", "S1"], "--scale: no scale is called 'S1'"),
    ],
)
def test_a_mistake_gets_one_line_and_nothing_is_written(
    make, words: list[str], said: str, cache: Path, tmp_path: Path
) -> None:
    data, folder = tmp_path / "data", tmp_path / "out"
    make(data)
    given = [*options(cache, "held_out=0.5"), *words]
    refused = nas_here("pretrain", NETWORK, "--data", str(data), *given, "-o", str(folder))
    assert refused.returncode == 2, refused.stderr
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give --data FOLDER"),
        (["--data", "x", "-o", "there"], "there: exists already; give --resume"),
        (["--data", "x", "--resume"], "name the folder to go on with"),
        (["--resume", "-o", "none"], "none: no pretraining is here to resume"),
    ],
)
def test_folders_that_are_in_the_way_or_missing_are_told(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    refused = nas_here("pretrain", NETWORK, *words)
    assert refused.returncode == 2
    assert said in refused.stderr
