"""The command line as a user has it: real processes, real training, real deaths.

Every way to start, to die and to share a run has processes of its own; what only follows on a
finished or broken run is called in this one.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from search_space import architecture_file
from search_space.canonical import canonical_key
from tests.support.runs import arguments, command, environment, nas, nas_here, trials_of
from tests.support.waiting import wait_for

ENDLESS = ("--trials", "100000")
"""For a search that is stopped from outside, however slow the machine is to do it."""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A finished run with one worker: two baselines and four candidates."""
    run = tmp_path_factory.mktemp("runs") / "unbroken"
    done = nas(
        "search", "--engine", "inline", "--trials", "4", "--run", str(run), *arguments(cache)
    )
    assert done.returncode == 0, done.stderr
    return run


def proposals_and_scores(run: Path) -> list[tuple[object, ...]]:
    found = [(t["name"], t["key"], t["genotype"], t["measurement"]) for t in trials_of(run)]
    return [(name, key, genes, m["miou"], m["loss"]) for name, key, genes, m in found]


def test_a_run_scores_the_baselines_first_and_then_the_budget(unbroken: Path) -> None:
    trials = trials_of(unbroken)
    assert [t["number"] for t in trials] == list(range(6))
    assert [t["kind"] for t in trials] == ["baseline"] * 2 + ["candidate"] * 4
    assert {t["state"] for t in trials} == {"complete"}
    assert all(0 < t["measurement"]["miou"] < 1 for t in trials)
    assert len({t["key"] for t in trials}) == 6


def test_a_run_leaves_leaderboard_diagram_and_spec(unbroken: Path) -> None:
    left = {path.name for path in (unbroken / "artifacts").iterdir()}
    assert left == {
        "leaderboard.md", "leaderboard.csv", "front.svg", "front.png",
        "best.yaml", "best.svg", "best.png", "diagrams",
    }  # fmt: skip
    assert 3 <= len(list((unbroken / "artifacts" / "diagrams").iterdir())) <= 4
    best = max(trials_of(unbroken)[2:], key=lambda t: t["measurement"]["miou"])
    backbone = architecture_file.load(unbroken / "artifacts" / "best.yaml")
    assert canonical_key(backbone) == best["key"]
    assert json.loads((unbroken / "environment.json").read_text())["packages"]["torch"]


def test_the_same_seed_gives_the_same_proposals_and_scores_in_another_process(
    unbroken: Path, cache: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    done = nas_here(
        "search", "--engine", "inline", "--trials", "4", "--run", str(again), *arguments(cache)
    )
    assert done.returncode == 0, done.stderr
    assert proposals_and_scores(again) == proposals_and_scores(unbroken)


def test_a_killed_search_goes_on_as_if_nothing_had_happened(
    unbroken: Path, cache: Path, tmp_path: Path
) -> None:
    run = tmp_path / "killed"
    words = ("search", "--engine", "inline", *ENDLESS, "--run", str(run), *arguments(cache))
    driver = subprocess.Popen(command(*words), env=environment(), stdout=subprocess.DEVNULL)
    wait_for(lambda: ended(run) >= 3)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    before = trials_of(run)
    finished = [t for t in before if t["state"] == "complete"]
    assert len(finished) >= 3
    budget = max(4, len(before) - 2)
    done = nas_here("search", "--run", str(run), "--resume", "--trials", str(budget))
    assert done.returncode == 0, done.stderr
    after = trials_of(run)
    assert after[: len(finished)] == finished  # nothing that had finished was run again
    assert proposals_and_scores(run)[:6] == proposals_and_scores(unbroken)


def test_ctrl_c_leaves_a_run_that_can_be_resumed(cache: Path, tmp_path: Path) -> None:
    run = tmp_path / "stopped"
    words = ("search", "--engine", "inline", *ENDLESS, "--run", str(run), *arguments(cache))
    driver = subprocess.Popen(
        command(*words),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        # A shell that runs the tests in its background has them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_for(lambda: ended(run) >= 1)
    driver.send_signal(signal.SIGINT)
    _, error = driver.communicate()
    assert driver.returncode == 1
    line = f"nas: interrupted; continue with `nas search --run {run} --resume`"
    assert error.decode().strip().splitlines() == [line]
    budget = str(max(1, len(trials_of(run)) - 2))
    assert nas_here("search", "--run", str(run), "--resume", "--trials", budget).returncode == 0
    assert {t["state"] for t in trials_of(run)} == {"complete"}


def test_a_finished_run_takes_a_larger_budget(unbroken: Path, tmp_path: Path) -> None:
    longer = tmp_path / "longer"
    subprocess.run(["cp", "-r", str(unbroken), str(longer)], check=True)
    done = nas_here("search", "--run", str(longer), "--resume", "--trials", "5")
    assert done.returncode == 0, done.stderr
    assert proposals_and_scores(longer)[:6] == proposals_and_scores(unbroken)
    assert len(trials_of(longer)) == 7


def test_ray_scores_what_the_inline_engine_scores_and_the_winner_is_exported(
    unbroken: Path, cache: Path, tmp_path: Path
) -> None:
    run = tmp_path / "ray"
    over = arguments(cache, promotion__top="1")
    words = ("search", "--trials", "2", "--set", "engine.workers=1", "--run", "ray", *over)
    done = nas(*words, cwd=tmp_path)  # relative paths must mean the same in a worker
    assert done.returncode == 0, done.stderr
    assert proposals_and_scores(run) == proposals_and_scores(unbroken)[:4]
    assert "leaderboard" in done.stdout
    assert "promoted: best mIoU" in done.stdout
    script = (
        "import sys, torch; sys.path.insert(0, sys.argv[1]); import network\n"
        "model = network.load(sys.argv[1] + '/weights.pt')\n"
        "print(tuple(model(torch.zeros(1, 3, 40, 56)).shape))"
    )
    folder = str(run / "export")
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", script, folder], capture_output=True, text=True, cwd="/"
    )
    assert loaded.stdout == "(1, 11, 40, 56)\n", loaded.stderr


def test_a_killed_promotion_resumes_to_the_same_result(
    unbroken: Path, cache: Path, tmp_path: Path
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for run in (whole, broken):
        subprocess.run(["cp", "-r", str(unbroken), str(run)], check=True)
    long = ("--trial", "0", "--set", "promotion.epochs=6")
    inline = ("--set", "engine.name=inline")
    done = nas_here("promote", str(whole), *long, *inline)
    assert done.returncode == 0, done.stderr
    driver = subprocess.Popen(  # on Ray, whose workers outlive it for a moment
        command("promote", str(broken), *long), env=environment(), stdout=subprocess.DEVNULL
    )
    folder = broken / "promotions" / "deeplabv3-resnet-50-os8"
    wait_for(lambda: (folder / "history.csv").exists())
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert not (folder / "promotion.json").exists()
    done = nas_here("promote", str(broken), *long, *inline, "--resume")
    assert done.returncode == 0, done.stderr
    results = [
        json.loads((run / "promotions" / folder.name / "promotion.json").read_text())
        for run in (whole, broken)
    ]
    assert results[0]["miou"] == results[1]["miou"]
    assert results[0]["last"]["epochs"] == 6
    assert results[0]["last"]["loss"] == results[1]["last"]["loss"]
    assert results[0]["digest"] == results[1]["digest"]
    pictures = [run / "promotions" / folder.name / "labels.png" for run in (whole, broken)]
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_export_writes_any_trial_and_the_front(unbroken: Path, tmp_path: Path) -> None:
    out = tmp_path / "one"
    done = nas_here(
        "export", str(unbroken), "--trial", "3", "--format", "spec", "python", "-o", str(out)
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in out.iterdir()} == {"architecture.yaml", "network.py", "README.md"}
    assert "was not promoted" in done.stdout
    assert (
        canonical_key(architecture_file.load(out / "architecture.yaml"))
        == (trials_of(unbroken)[3]["key"])
    )
    done = nas_here("export", str(unbroken), "--trial", "front", "-o", str(tmp_path / "front"))
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "front").glob("trial-*/architecture.yaml"))) >= 1


def test_a_search_begins_with_the_best_of_another_and_resumes_so(
    unbroken: Path, cache: Path, tmp_path: Path
) -> None:
    run = tmp_path / "warm"
    words = ("search", "--engine", "inline", "--run", str(run))
    begun = ("--trials", "2", "--from", str(unbroken), *arguments(cache))
    done = nas_here(*words, *begun, "--set", "constraints.macs=1e9", "--set", "baselines=[]")
    assert done.returncode == 0, done.stderr
    done = nas_here(*words, "--resume", "--trials", "5")
    assert done.returncode == 0, done.stderr
    best_first = sorted(trials_of(unbroken)[2:], key=lambda t: -t["measurement"]["miou"])
    keys = [trial["key"] for trial in trials_of(run)]
    assert keys[:4] == [trial["key"] for trial in best_first]
    assert len(set(keys)) == 5
    done = nas_here(*words, "--resume", "--from", str(unbroken))
    assert done.returncode == 2
    assert "--from is for a new run" in done.stderr


def test_status_of_a_live_run_disturbs_nothing(cache: Path, tmp_path: Path) -> None:
    run = tmp_path / "live"
    words = ("search", "--engine", "inline", "--trials", "1", "--run", str(run), *arguments(cache))
    driver = subprocess.Popen(command(*words), env=environment(), stdout=subprocess.DEVNULL)
    wait_for(lambda: (run / "ledger.journal").exists())
    assert nas("status", str(run)).returncode == 0
    while driver.poll() is None:
        assert nas_here("status", str(run)).returncode == 0
        time.sleep(0.1)
    assert driver.returncode == 0
    assert len(trials_of(run)) == 3


def ended(run: Path) -> int:
    """Trials that have ended, read off the journal as any other program could."""
    path = run / "ledger.journal"
    return path.read_text().count('"state":1') if path.exists() else 0
