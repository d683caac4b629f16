"""Cores that a process may use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from proxy_tasks import processor


@pytest.mark.skipif(sys.platform != "linux", reason="taskset is Linux's")
def test_a_process_bound_to_one_core_counts_one() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from proxy_tasks import processor; print(processor.cores())"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "1"


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 8), ("200000 100000", 2), ("50000 100000", 1), ("?", 8)]
)
def test_a_containers_share_bounds_them(
    quota: str, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(quota)
    monkeypatch.setattr(processor, "_QUOTA", file)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert processor.cores() == cores
