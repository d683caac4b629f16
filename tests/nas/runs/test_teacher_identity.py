"""A run keeps to the teacher that it began with, wherever it lies, and says that it has one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nas.runs.reading import snapshot
from results.views.header import subtitle
from tests.support.runs import nas_here, trials_of
from tests.support.taught_runs import line, search, teacher

@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run ``taught``, and the teacher's, ``teacher``."""
    folder = tmp_path_factory.mktemp("taught")
    known = teacher(folder / "teacher")
    done = search(folder, "taught", "--teacher", str(known))
    assert done.returncode == 0, done.stderr
    assert "all trained with a teacher" in done.stdout
    assert "trained with a teacher: all" in done.stdout
    return folder


def test_networks_and_rivals_learn_otherwise_than_without(made: Path) -> None:
    plain = search(made, "plain")
    assert plain.returncode == 0, plain.stderr
    assert "teacher" not in plain.stdout
    assert not (made / "plain" / "teacher.json").exists()
    pairs = zip(trials_of(made / "taught"), trials_of(made / "plain"), strict=True)
    for taught, other in pairs:
        assert taught["key"] == other["key"]
        assert taught["measurement"]["train_loss"] > other["measurement"]["train_loss"]
    assert "with a teacher" in subtitle(snapshot(made / "taught").facts)
    assert "with a teacher" not in subtitle(snapshot(made / "plain").facts)


def test_settings_of_trainings_name_it_by_its_digest(made: Path) -> None:
    record = json.loads((made / "taught" / "teacher.json").read_text())
    assert record["proxy"] == record["promotion"]
    (settings,) = (made / "taught" / "promotions").glob("*/settings.json")
    found = json.loads(settings.read_text())["teacher"]
    assert found == {"from": record["promotion"], "weight": 1.0, "temperature": 1.0}
    assert nas_here("check", str(made / "taught")).returncode == 0


def test_another_teacher_is_refused_and_the_same_one_elsewhere_is_not(made: Path) -> None:
    run, known = str(made / "taught"), made / "teacher"
    resume = ("search", "--run", run, "--resume", "--trials", "2")
    weights = known / "best.safetensors"
    whole = weights.read_bytes()
    teacher(known, seed=1)
    assert "proxy.teacher.from: " in (said := line(*resume))
    assert "not the network that the run began with, by the digest in teacher.json" in said
    other = ("promote", run, "--top", "1", "--resume")
    assert "was started with other settings (teacher); give the same ones" in line(*other)
    weights.write_bytes(whole)
    known.rename(made / "moved")
    assert "no such file or folder" in line(*resume)
    done = nas_here(*resume, "--teacher", str(made / "moved"))
    assert done.returncode == 0, done.stderr
    assert len([t for t in trials_of(made / "taught") if t["kind"] == "candidate"]) == 2
    done = nas_here(*resume)  # it is kept where it is now
    assert done.returncode == 0, done.stderr


def test_a_damaged_record_gets_a_line(made: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    for path in (made / "taught").iterdir():
        if path.is_file():
            (run / path.name).write_bytes(path.read_bytes())
    for text in ("{}", "[", ""):
        (run / "teacher.json").write_text(text)
        assert "teacher.json: " in line("search", "--run", str(run), "--resume")


def test_a_score_is_the_same_when_it_is_asked_for_again(made: Path) -> None:
    place = next(made / name for name in ("teacher", "moved") if (made / name).is_dir())
    again = search(made, "again", "--teacher", str(place))
    assert again.returncode == 0, again.stderr
    first, second = trials_of(made / "taught"), trials_of(made / "again")
    scores = [[t["measurement"]["miou"] for t in trials[:2]] for trials in (first, second)]
    assert np.array_equal(*scores)
