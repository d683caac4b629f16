"""What is told of full trainings that go on: how far they are, and how long they take."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from nas.runs.directory import RunDirectory
from nas.runs.promotion_records import write_json
from nas.runs.trainings import load_all
from nas.terminal.progress import Board, PromotionProgress
from nas.terminal.trainings import under_way_table
from proxy_tasks.task import Fidelity, Job, Measurement
from search_space import catalog
from search_space.scales import Scale

FIDELITY = Fidelity(10, (32, 48), Scale())
JOBS = [Job(n, f"job-{n}", catalog.load("spinenet-49"), FIDELITY) for n in range(3)]
HISTORY = "epochs,seconds,train_loss,loss,miou\n1,30.0,2.0,,\n2,60.0,1.5,1.4,0.25\n3,90.0,1.2,,\n"


def measured(epochs: int, seconds: float, miou: float | None = None) -> Measurement:
    return Measurement(epochs, 1, 1, seconds, train_loss=1.0, miou=miou, loss=miou and 1.0)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """One training in its fourth epoch, one in its first, and one that has ended."""
    for name in ("begun", "ended", "fourth"):
        (tmp_path / "promotions" / name).mkdir(parents=True)
        write_json(tmp_path / "promotions" / name / "settings.json", {"epochs": 12})
    for name in ("ended", "fourth"):
        (tmp_path / "promotions" / name / "history.csv").write_text(HISTORY)
    write_json(tmp_path / "promotions" / "ended" / "promotion.json", {})
    return RunDirectory(tmp_path)


def test_what_has_begun_and_not_ended_is_read_off_its_files(run: RunDirectory) -> None:
    begun, fourth = load_all(run)
    assert (begun.name, begun.epochs, begun.miou, begun.left) == ("begun", 0, None, None)
    assert (fourth.epochs, fourth.of, fourth.seconds, fourth.miou) == (3, 12, 90.0, 0.25)
    assert fourth.left == 270.0
    assert 0 <= fourth.ago < 60
    assert json.dumps([each.to_dict() for each in (begun, fourth)])
    text = io.StringIO()
    Console(file=text, width=100).print(under_way_table([begun, fourth]))
    row = next(line for line in text.getvalue().splitlines() if "fourth" in line)
    assert "3/12" in row
    assert "25.0" in row
    assert "4.5 min" in row


def test_time_left_counts_what_waits_and_what_runs_side_by_side() -> None:
    text = io.StringIO()
    progress = PromotionProgress(Board(Console(file=text, width=200)), JOBS)
    for job in JOBS[:2]:
        progress.started(job)
    progress.epoch(JOBS[0], measured(2, 20.0))
    progress.epoch(JOBS[1], measured(4, 120.0, miou=0.5))
    # 8 epochs of 10 s, 6 of 30 s and 10 of 20 s, two at a time.
    assert text.getvalue().splitlines()[-1].endswith("3.0 min left  [3 to go · 3.8 min left]")
    progress.ended(JOBS[1], "job-1 promoted")
    progress.ended(JOBS[0], "job-0 promoted")
    assert text.getvalue().splitlines()[-1] == "job-0 promoted  [1 to go · 3.3 min left]"


def test_a_live_table_has_the_time_left_of_each() -> None:
    board = Board(Console(file=io.StringIO(), width=200))
    board.start("job-0", "")
    board.epoch(JOBS[0], replace(measured(4, 120.0), miou=0.5))
    text = io.StringIO()
    Console(file=text, width=100).print(board._render())
    assert text.getvalue().splitlines()[1].split()[-2:] == ["3.0", "min"]
