"""A command's own node leaves nothing behind, whoever dies: tried with a program in the place of
Ray that has a child and says what Ray says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nas.cluster import node, own, processes
from nas.failures import EngineLost
from tests.nas.cluster.test_birth import soon

RAY = """
import os, subprocess, sys, time
from pathlib import Path
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
(Path(os.environ["RAY_TMPDIR"]) / "file").touch()
print("warming up", flush=True)
print({last!r}, flush=True)
{then}
"""
DRIVER = """
import os, sys
from nas.cluster import node, own
node._ray = lambda: sys.argv[1]
with own.own_node(2) as started:
    print(started.folder, started.begun.process, flush=True)
    sys.stdin.read()
"""
Program = Callable[[str, str], Path]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """What stands for Ray, with its last words and what it does then."""
    scratch = tmp_path / "t"
    scratch.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_TMPDIR", str(scratch))
    monkeypatch.setattr(own, "SOCKET", "")  # a test's folder has a long name

    def write(last: str, then: str) -> Path:
        path = tmp_path / "ray"
        path.write_text(f"#!{sys.executable}\n{RAY.format(last=last, then=then)}")
        path.chmod(0o755)
        monkeypatch.setattr(node, "_ray", lambda: str(path))
        return path

    yield write
    assert list(scratch.iterdir()) == []


def dies_with(session: int) -> bool:
    return soon(lambda: processes.of_session(session) == [])


def test_at_its_end_nothing_is_left(program: Program) -> None:
    program("will block forever", "time.sleep(600)")
    with own.own_node(2) as started:
        assert started.alive()
        assert len(processes.of_session(started.begun.process)) == 3
        assert (started.folder / "file").exists()
    assert processes.of_session(started.begun.process) == []


def test_what_does_not_start_is_tried_again_and_its_last_word_told(
    program: Program, tmp_path: Path
) -> None:
    count = f"open({str(tmp_path / 'tries')!r}, 'a').write('x'); sys.exit(1)"
    program("the raylet took too long", count)
    with pytest.raises(EngineLost) as caught, own.own_node(1):
        raise AssertionError
    assert str(caught.value) == "Ray did not start in 3 attempts (the raylet took too long)"
    assert (tmp_path / "tries").read_text() == "xxx"


def test_where_a_part_of_it_dies_all_of_it_does_and_that_is_known(program: Program) -> None:
    program("will block forever", "time.sleep(600)")
    with own.own_node(2) as started:
        leader, *others = sorted(processes.of_session(started.begun.process))
        processes.send(others[0], signal.SIGKILL)
        assert soon(lambda: not started.alive())
        assert soon(lambda: processes.of_session(leader) == [leader])
    assert dies_with(leader)


def test_where_its_watch_dies_it_is_ended_all_the_same(program: Program) -> None:
    program("will block forever", "time.sleep(600)")
    with own.own_node(2) as started:
        processes.send(started.begun.process, signal.SIGKILL)
        assert soon(lambda: not started.alive())
    assert dies_with(started.begun.process)


def test_it_ends_with_a_driver_that_is_killed(program: Program) -> None:
    ray = program("will block forever", "time.sleep(600)")
    held: dict[str, int] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    script = f"from nas.cluster import own\nown.SOCKET = ''\n{DRIVER}"
    driver = subprocess.Popen(
        [sys.executable, "-c", script, str(ray)], text=True, env=os.environ, **held
    )
    assert driver.stdout is not None
    folder, process = driver.stdout.readline().split()
    driver.kill()
    driver.communicate()
    assert dies_with(int(process))
    assert soon(lambda: not Path(folder).exists())
