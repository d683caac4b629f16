"""Whoever starts a local cluster may die at any moment: no node is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nas.cluster import local, processes, watch
from nas.cluster.node import WATCHED

NODE = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import time; time.sleep(600)"])
"""
"""One has children."""
UP = """
import sys
from nas.cluster import node
program = sys.argv.pop()
node._ray = lambda: program
from nas.cli import main
main()
"""
"""``nas cluster up``, with another program for ``ray``: one that never gets up."""


def soon(condition: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def node() -> Iterator[subprocess.Popen[bytes]]:
    """A watched one, with its two processes."""
    command = [*WATCHED, sys.executable, "-c", NODE]
    begun = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    assert soon(lambda: len(processes.of_session(begun.pid)) == 3)
    yield begun
    for process in processes.of_session(begun.pid):
        processes.send(process, signal.SIGKILL)
    begun.wait()
    if begun.stdin:
        begun.stdin.close()


def hold(node: subprocess.Popen[bytes], last: bytes) -> None:
    assert node.stdin is not None
    node.stdin.write(last)
    node.stdin.close()
    node.stdin = None


def test_a_node_ends_with_whoever_started_it(node: subprocess.Popen[bytes]) -> None:
    hold(node, b"")
    node.wait(30)
    assert processes.of_session(node.pid) == []


def test_a_node_that_was_let_go_of_lives_on_until_it_is_ended(
    node: subprocess.Popen[bytes],
) -> None:
    hold(node, watch.STAY)
    time.sleep(1)
    assert len(processes.of_session(node.pid)) == 3
    node.terminate()  # as `nas cluster down` does
    node.wait(30)
    assert processes.of_session(node.pid) == []


def test_the_end_of_a_node_is_told() -> None:
    command = [*WATCHED, sys.executable, "-c", "raise SystemExit(7)"]
    done = subprocess.run(command, input=watch.STAY, start_new_session=True)
    assert done.returncode == 7


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_cluster_that_is_cut_off_while_its_head_starts_leaves_nothing_that_runs(
    tmp_path: Path, number: signal.Signals
) -> None:
    never_up = tmp_path / "ray"
    never_up.write_text(f"#!{sys.executable}\n{NODE}\n")
    never_up.chmod(0o755)
    home = os.environ | {"HOME": str(tmp_path)}
    words = ["cluster", "up", "local-birth", str(never_up)]
    up = subprocess.Popen(
        [sys.executable, "-c", UP, *words], env=home, stderr=subprocess.PIPE, text=True
    )
    folder = tmp_path / local.FOLDER.relative_to("~")
    state = folder / "local-birth" / "state.json"
    assert soon(state.exists)
    cluster = local.load("local-birth", folder)
    (leader,) = (each.process for each in cluster.nodes)
    assert soon(lambda: len(processes.of_session(leader)) == 3)
    assert not cluster.alive  # nobody can join it yet
    up.send_signal(number)
    _, said = up.communicate(timeout=60)
    assert soon(lambda: processes.of_session(leader) == [])
    if number is signal.SIGTERM:
        assert said == "nas: interrupted; continue with `nas cluster up local-birth`\n"
        assert up.returncode == 1
    else:
        local.down("local-birth", folder)  # what a kill leaves is files, and known
    assert not Path(cluster.scratch).exists()
    assert not state.parent.exists()
