"""A promotion by several processes: what is refused, how it ends, and what deaths do to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nas import config
from nas.engines.base import Crash, Crashed, Outcome, Resources, Trouble
from nas.engines.lost import WORKER
from nas.parts import checks, machines
from nas.runs.directory import RunDirectory
from proxy_tasks.task import Failure, Measurement
from search_space.errors import UserError
from tests.support.groups import in_processes
from tests.support.runs import arguments, command, environment, nas_here
from tests.support.shared_training import SUBJECT, promoted
from tests.support.waiting import wait_for

LAST = Measurement(3, 1, 1, 1.0, miou=0.5)
BUG = Crash(Trouble.BUG, "ValueError: no")
MISSED = Crash(Trouble.LOST, "another process of the training is gone")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["promotion.processes=3"], "divided by accumulate is 8, which 3 processes cannot"),
        (["promotion.processes=2", "engine.name=inline"], "write engine.name: ray"),
        (
            ["promotion.patience=2", "promotion.evaluate_every=0"],
            "promotion.patience: counts validations",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(settings: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        checks.check_promotion(config.load("quickstart", settings))


@pytest.mark.parametrize(
    ("processes", "cores", "gpus", "jobs", "expected"),
    [
        (1, 8, 0, 3, Resources(3, 2, 0.0)),
        (2, 8, 0, 3, Resources(3, 1, 0.0, processes=2)),
        (4, 2, 0, 1, Resources(1, 1, 0.0, processes=4)),
        (2, 16, 4, 1, Resources(1, 8, 1.0, 7, processes=2)),
        (2, 16, 4, 9, Resources(2, 4, 1.0, 7, processes=2)),
    ],
)
def test_promotions_run_side_by_side_as_far_as_cores_or_gpus_go(
    processes: int,
    cores: int,
    gpus: int,
    jobs: int,
    expected: Resources,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machines, "_machine", lambda _: (cores, gpus))
    monkeypatch.setattr(machines, "_gpu_memory", lambda _: 7)
    known = config.load("quickstart", [f"promotion.processes={processes}"])
    assert machines.promotion_resources(known, jobs) == expected


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "_machine", lambda _: (16, 2))
    monkeypatch.setattr(machines, "_gpu_memory", lambda _: 7)
    known = config.load("quickstart", ["promotion.processes=4"])
    with pytest.raises(UserError, match=r"promotion\.processes: 4 are more than the 2 GPUs"):
        machines.promotion_resources(known, 1)


@pytest.mark.parametrize(
    ("told", "lost", "expected"),
    [
        ([LAST], False, LAST),
        ([LAST], True, LAST),  # lost when all was done
        ([MISSED], True, Crash(Trouble.LOST, WORKER)),
        ([], True, Crash(Trouble.LOST, WORKER)),
        ([MISSED, BUG], True, BUG),
        ([replace(LAST, failure=Failure.TOO_LARGE), MISSED], True, None),
    ],
)
def test_how_a_job_ended_is_told_by_the_process_that_knows(
    told: list[Outcome], lost: bool, expected: Outcome | None
) -> None:
    from ray import train

    from nas.engines.ray_train import _end

    error = train.WorkerGroupError("rank 1 died", {}) if lost else None
    try:
        found: Outcome = _end(told, error)
    except Crashed as crashed:
        found = crashed.crash
    assert found == (expected or told[0])


@pytest.mark.timeout(600)  # a dozen processes import Ray, twice
def test_a_killed_process_and_a_killed_driver_change_nothing(tmp_path: Path) -> None:
    small = arguments(tmp_path / "cache", promotion__epochs="6", promotion__processes="2")
    known = config.load("quickstart", small[1::2])
    run = RunDirectory.create(tmp_path / "run", known)
    folder = run.promotions / SUBJECT
    words = ("promote", str(run.path), "--baseline", SUBJECT)
    driver = subprocess.Popen(command(*words), env=environment(), stdout=subprocess.DEVNULL)
    wait_for(lambda: epochs(folder) >= 1)
    os.kill(next(training(driver.pid)), signal.SIGKILL)
    wait_for(lambda: "promotion runs again" in (run.path / "log.jsonl").read_text())
    driver.kill()  # the processes that it starts again would take a quarter of a minute to come
    driver.wait()
    assert not (folder / "promotion.json").exists()
    done = nas_here(*words, "--resume")
    assert done.returncode == 0, done.stderr
    assert "epoch 1/6" not in done.stdout  # goes on where the other one was
    record = json.loads((folder / "promotion.json").read_text())
    unbroken = in_processes(promoted, tmp_path)[0]
    assert record["last"]["epochs"] == 6
    assert record["last"]["loss"] == unbroken[-1].loss
    assert record["miou"] == max(measured.miou for measured in unbroken)


def training(driver: int) -> Iterator[int]:
    """Processes of Ray Train's that train, among a driver's descendants."""
    for child in Path(f"/proc/{driver}/task").glob("*/children"):
        for pid in map(int, child.read_text().split()):
            if "RayTrainWorker" in Path(f"/proc/{pid}/cmdline").read_text():
                yield pid
            yield from training(pid)


def epochs(folder: Path) -> int:
    history = folder / "history.csv"
    return len(history.read_text().splitlines()) - 1 if history.exists() else 0
