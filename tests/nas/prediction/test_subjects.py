"""What a word names to be exported, and what it is built for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from nas import config
from nas.prediction.subjects import resolve
from nas.runs.built_as import built_as
from nas.runs.directory import RunDirectory
from proxy_tasks.checkpoint import Weights
from results.build_options import build_options
from search_space import architecture_file, catalog
from search_space.errors import UserError
from search_space.files import sha256
from search_space.scales import SCALES

PUBLISHED = Path(__file__).parents[3] / "results" / "published"
WEIGHTS = PUBLISHED / "camvid" / "trial-0060" / "192x256.safetensors"
FOUND = "spinenet-seg-camvid-60"


@pytest.mark.parametrize("file", sorted(PUBLISHED.rglob("*.safetensors")), ids=lambda f: f.stem)
def test_published_weights_are_exported_as_what_they_say(file: Path) -> None:
    (subject,) = resolve(str(file), None, build_options())
    known = Weights.open(file)
    assert (subject.backbone, subject.scale) == (known.backbone, known.scale)
    assert (subject.classes, subject.size) == (known.classes, known.size)
    assert subject.trained
    assert subject.name == file.stem
    state, theirs = subject.network.state_dict(), known.network().state_dict()
    assert all(torch.equal(value, state[name]) for name, value in theirs.items())
    assert subject.spec.provenance["weights_sha256"] == sha256(file)


@pytest.mark.parametrize(
    ("selected", "options", "message"),
    [
        ("best", build_options(), "--trial best: .* is not a run's folder"),
        (None, build_options("S49"), "--scale: leave out; trained networks"),
    ],
)
def test_weights_take_no_other_wishes(selected, options, message: str) -> None:
    with pytest.raises(UserError, match=message):
        resolve(str(WEIGHTS), selected, options)


def test_weights_that_are_none_are_a_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_text("nothing of the kind")
    for name in ("a.safetensors", "missing.safetensors"):
        with pytest.raises(UserError, match=name):
            resolve(str(tmp_path / name), None, build_options())


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """Whose two trainings differ in all that a network is built for."""
    settings = [
        "proxy.scale.filters=0.125",
        "proxy.size=[64, 96]",
        "promotion.scale=S49-",
        "promotion.size=[96, 160]",
    ]
    made = RunDirectory.create(tmp_path / "mine", config.load("quickstart", settings))
    for folder in (made.artifacts, made.path / "export"):
        folder.mkdir()
        architecture_file.save(folder / "best.yaml", catalog.load(FOUND))
    made.data_file.write_text(json.dumps({"classes": ["a", "b", "c"]}))
    return made


def test_a_file_of_a_run_is_built_as_the_run_builds_it(run: RunDirectory) -> None:
    proxy = built_as(str(run.artifacts / "best.yaml"), build_options())
    assert (proxy.scale, proxy.size) == (run.config().proxy.scale, (64, 96))
    assert (proxy.classes, proxy.assumed) == (3, ())
    assert proxy.scale_name == "proxy.scale of mine"
    promoted = built_as(str(run.path / "export" / "best.yaml"), build_options())
    assert (promoted.scale, promoted.size) == (SCALES["S49-"], (96, 160))
    (subject,) = resolve(str(run.artifacts / "best.yaml"), None, build_options())
    assert (subject.scale, subject.size, len(subject.classes)) == (proxy.scale, (64, 96), 3)


def test_what_is_asked_for_goes_before_the_runs_own(run: RunDirectory) -> None:
    asked = build_options("S96", "128", 7)
    assert built_as(str(run.artifacts / "best.yaml"), asked) == asked
    only = built_as(str(run.artifacts / "best.yaml"), build_options(size="128"))
    assert (only.size, only.scale, only.classes) == ((128, 128), run.config().proxy.scale, 3)


def test_what_lies_in_no_run_is_built_as_asked(run: RunDirectory, tmp_path: Path) -> None:
    architecture_file.save(tmp_path / "alone.yaml", catalog.load(FOUND))
    for named in (FOUND, str(tmp_path / "alone.yaml"), "spinenet-49"):
        assert built_as(named, build_options()) == build_options()
    run.config_file.write_text("of: something else")
    assert built_as(str(run.artifacts / "best.yaml"), build_options()) == build_options()


def test_a_scale_in_a_run_without_data_keeps_the_usual_classes(run: RunDirectory) -> None:
    run.data_file.unlink()
    found = built_as(str(run.artifacts / "best.yaml"), build_options())
    assert found.assumed == ("classes",)
    assert found.scale == run.config().proxy.scale
