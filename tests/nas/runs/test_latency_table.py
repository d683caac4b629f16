"""A run keeps its latency table, wherever the file was that it came from and wherever it lies."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nas import config
from nas.parts import build
from nas.runs import settings_identity
from nas.runs.directory import RunDirectory
from tests.support.latency import networks, table


def test_a_run_keeps_its_table(tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    table(networks(2)).save(file)
    given = ["constraints.latency=6ms", f"constraints.latency_table={file}"]
    loaded = config.load("quickstart", given)
    run = RunDirectory.create(tmp_path / "run", loaded)
    file.unlink()
    assert "latency_table" not in run.config_file.read_text()
    moved = RunDirectory(run.path.rename(tmp_path / "elsewhere"))
    kept = moved.config()
    assert kept.constraints.latency_table == moved.latency
    settings_identity.check(moved.path, kept)
    space = build.space(kept)
    assert space.allows(space.sample(np.random.default_rng(0)))


def test_a_run_without_a_latency_has_none(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", config.load("quickstart"))
    assert not run.latency.exists()
    assert run.config().constraints.latency_table is None
