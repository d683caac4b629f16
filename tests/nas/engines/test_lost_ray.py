"""Ray dies under a search: one line, a log that ends, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from nas.cluster import processes
from nas.engines.vigil import GONE
from tests.nas.cluster.test_birth import soon
from tests.support.runs import arguments, command, environment


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", ["gcs_server", "raylet"])
def test_a_search_whose_ray_dies_says_how_it_goes_on(part: str, tmp_path: Path) -> None:
    run, scratch = tmp_path / "run", Path(f"/tmp/nas-lost-{os.getpid()}-{part[0]}")
    scratch.mkdir()
    words = ["search", "--run", str(run), "--trials", "1000", "--engine", "ray"]
    driver = subprocess.Popen(
        command(*words, *arguments(tmp_path / "cache", baselines="[]", engine__workers="1")),
        env=environment() | {"RAY_TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert driver.stdout is not None
    while "trial-0000" not in driver.stdout.readline():
        assert driver.poll() is None
    (watch,) = children(driver.pid)
    # A process that starts another one shows that one's name only after a moment.
    assert soon(lambda: len(parts(watch, part)) == 1)
    os.kill(parts(watch, part)[0], signal.SIGKILL)
    out, error = driver.communicate(timeout=200)
    assert driver.returncode == 1
    assert error == f"nas: {GONE}; continue with `nas search --run {run} --resume`\n"
    assert "(raylet)" not in out
    last = json.loads((run / "log.jsonl").read_text().splitlines()[-1])
    assert (last["event"], last["reason"]) == ("search ended", GONE)
    assert soon(lambda: processes.of_session(watch) == [])
    scratch.rmdir()  # empty


def children(process: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-axwwo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 2) for line in found.stdout.splitlines()]
    return [int(pid) for pid, parent, said in rows if int(parent) == process and "watch" in said]


def parts(watch: int, part: str) -> list[int]:
    return [each for each in processes.of_session(watch) if is_part(each, part)]


def is_part(process: int, part: str) -> bool:
    said = subprocess.run(
        ["ps", "-wwo", "args=", "-p", str(process)], capture_output=True, text=True
    )
    return said.stdout.split(" ")[0].endswith(f"/{part}")
