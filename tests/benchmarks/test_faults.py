"""The benchmark of kills sees what was lost and what ran twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import faults
from benchmarks.fault_rig import Broken, Rig
from nas.cluster.local import LocalCluster
from proxy_tasks.task import Measurement
from results.ledger import Ledger
from search_space import catalog

SCORED = Measurement(3, macs=10, parameters=5, seconds=1.0, miou=0.5, loss=1.0)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = Rig(tmp_path, LocalCluster("local-test", "", str(tmp_path), ()))
    rig.run.mkdir()
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
    assert faults.repeated(rig.run) == []
    log.write_text("\n".join([*known, line("trial finished", "a")]))
    assert faults.repeated(rig.run) == ["a"]


def test_raylets_and_workers_are_told_from_other_processes() -> None:
    raylet = "/venv/ray/core/src/ray/raylet/raylet --raylet_socket_name=/tmp/x"
    assert faults.is_raylet(raylet)
    assert not faults.is_raylet("python -m nas.cluster.watch ray start")
    assert faults.is_worker("ray::TrainingWorker.go_on")
    assert not faults.is_worker("ray::IDLE")
    assert not faults.is_worker("ray::DashboardAgent")
    assert not faults.is_worker(raylet)
