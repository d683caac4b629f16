"""The benchmark of kills sees what was lost and what ran twice."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from benchmarks import fault_clock, fault_compare, faults
from benchmarks.fault_rig import Broken, Rig
from nas.cluster.local import LocalCluster
from proxy_tasks.task import Measurement
from results.ledger import Ledger
from search_space import catalog

SCORED = Measurement(3, macs=10, parameters=5, seconds=1.0, miou=0.5, loss=1.0)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path, LocalCluster("local-test", "", str(tmp_path), ()))
    rig.run.mkdir(parents=True)
    return rig


def write(rig: Rig, *scores: float | None) -> None:
    """A ledger whose trials finished with these scores; None: the machines gave up."""
    path = rig.run / "ledger.journal"
    path.unlink(missing_ok=True)
    with Ledger.create(path, "run", (), {}) as ledger:
        for number, score in enumerate(scores):
            spec = catalog.load("spinenet-49")
            ledger.start(f"trial-{number}", "candidate", spec, f"key-{number}", None)
            if score is None:
                ledger.fail(number, "lost")
            else:
                ledger.finish(number, Measurement(**vars(SCORED) | {"miou": score}))


def test_what_had_finished_must_stay_as_it_was(rig: Rig) -> None:
    rig.check()  # no ledger yet
    write(rig, 0.5, 0.25)
    rig.check()
    rig.check()
    assert sorted(rig.kept) == [0, 1]
    write(rig, 0.5)
    with pytest.raises(Broken, match="trial-0 had finished and is now"):  # at another time
        rig.check()


def test_a_lost_trial_and_one_that_was_given_up_are_seen(rig: Rig) -> None:
    write(rig, 0.5)
    rig.check()
    (rig.run / "ledger.journal").unlink()
    with pytest.raises(Broken, match="trial-0 had finished and is now None"):
        rig.check()
    rig.kept = {}
    write(rig, 0.5, None)
    with pytest.raises(Broken, match="given up: trial-1"):
        rig.check()


def test_a_trial_that_finished_twice_is_seen_through_torn_lines(rig: Rig) -> None:
    def line(event: str, name: str) -> str:
        return json.dumps({"event": event, "name": name})

    known = [line("trial finished", "a"), line("trial started", "b"), line("trial started", "b")]
    known += ['{"event": "search started"}'] * 2
    log = rig.run / "log.jsonl"
    log.write_text("\n".join([*known, '{"event": "tri', line("trial finished", "b")]))
    assert fault_compare.repeated(rig.run) == []
    log.write_text("\n".join([*known, line("trial finished", "a")]))
    assert fault_compare.repeated(rig.run) == ["a"]


def test_raylets_and_workers_are_told_from_other_processes() -> None:
    raylet = "/venv/ray/core/src/ray/raylet/raylet --raylet_socket_name=/tmp/x"
    assert faults.is_raylet(raylet)
    assert not faults.is_raylet("python -m nas.cluster.watch ray start")
    assert faults.is_worker("ray::TrainingWorker.go_on")
    assert not faults.is_worker("ray::IDLE")
    assert not faults.is_worker("ray::DashboardAgent")
    assert not faults.is_worker(raylet)


def test_an_epoch_that_ran_twice_is_seen(rig: Rig) -> None:
    for name, epochs in (("a", (1, 2, 3)), ("b", (1, 2, 2, 3)), ("c", (1, 3))):
        folder = rig.run / "promotions" / name
        folder.mkdir(parents=True)
        (folder / "history.csv").write_text("\n".join(["epochs", *map(str, epochs)]) + "\n")
    assert list(fault_compare.repeated_epochs(rig.run)) == ["b", "c"]


@pytest.mark.parametrize("change", ["a file more", "a byte", "a score"])
def test_files_that_differ_are_seen_and_times_are_not(rig: Rig, change: str) -> None:
    for run, seconds in ((rig.run, 1.0), (rig.whole, 2.0)):
        (run / "promotions").mkdir(parents=True)
        (run / "promotions" / "promotion.json").write_text(
            json.dumps({"miou": 0.5, "last": {"seconds": seconds}})
        )
        (run / "promotions" / "best.safetensors").write_bytes(b"weights")
    both = [fault_compare._files(run / "promotions") for run in (rig.run, rig.whole)]
    fault_compare._same("promotions", *both)
    place = rig.whole / "promotions"
    if change == "a file more":
        (place / ".draft").touch()
    elif change == "a byte":
        (place / "best.safetensors").write_bytes(b"Weights")
    else:
        (place / "promotion.json").write_text(json.dumps({"miou": 0.25, "last": {"seconds": 1.0}}))
    with pytest.raises(Broken, match="promotions: "):
        fault_compare._same("promotions", both[0], fault_compare._files(place))


def test_kills_are_shared_out_and_legs_go_on(rig: Rig) -> None:
    assert faults.quotas(200) == [120, 50, 30]
    assert sum(faults.quotas(7)) == 7
    assert faults.kept(rig.folder).total() == 0
    faults._keep(rig, Counter({"search driver": 3, "export driver": 2}))
    assert faults.kept(rig.folder).total() == 5


def seen(clock: fault_clock.Clock) -> str:
    """What the clock of a process says, and by how much its monotonic one went on."""
    script = (
        "import time; from datetime import datetime; t = time.monotonic();"
        "print(datetime.now().isoformat(), 0 <= time.monotonic() - t < 60)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | clock.environment,
    )
    return done.stdout


@pytest.mark.skipif(not shutil.which("faketime"), reason="no faketime: apt-get install faketime")
def test_clocks_step_or_are_about_to_change(tmp_path: Path) -> None:
    random.seed(1)
    clock = fault_clock.Clock("steps", tmp_path)
    offset = (tmp_path / "clock").read_text()
    moment = datetime.fromisoformat(seen(clock).split()[0])
    assert abs((moment - datetime.now()).total_seconds() - int(offset)) < 60
    clock.turn()
    assert (tmp_path / "clock").read_text() != offset
    (tmp_path / "w").mkdir()
    winter = fault_clock.Clock("winter", tmp_path / "w")
    assert seen(winter).startswith("2026-10-25T02:5")
    assert seen(winter).endswith("True\n")
    assert fault_clock.Clock("right", tmp_path).environment == {}
