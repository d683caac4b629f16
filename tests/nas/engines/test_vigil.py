"""What we run on is looked after, and its end is told before anybody ends us."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from nas.engines import vigil
from nas.failures import EngineLost, RunFailed, interruptible
from tests.nas.cluster.test_birth import soon

BUSY = """
import sys, time
from nas.engines import vigil
from nas.failures import interruptible
from nas.runs import events
from pathlib import Path
vigil.LEAVES_WITHIN = 0.5
with interruptible("nas search --resume"), events.logged(Path(sys.argv[1]), "search"):
    with vigil.kept(lambda: False):
        time.sleep(600)
"""
"""A driver that asks nobody for long."""


def test_it_is_told_once_what_we_run_on_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vigil, "LOOKS_EVERY", 0.01)
    alive = [True]
    with vigil.kept(lambda: alive[-1]):
        vigil.check()
        alive.append(False)
        assert soon(lambda: vigil._kept[0].gone)
        with pytest.raises(RunFailed) as caught, interruptible("nas search --resume"):
            vigil.check()
    assert str(caught.value) == f"{vigil.GONE}; continue with `nas search --resume`"
    assert isinstance(caught.value.__cause__, EngineLost)
    vigil.check()  # nobody is looked after any more


def test_a_driver_that_does_not_ask_leaves_with_the_same_words(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BUSY, str(tmp_path)], capture_output=True, text=True, timeout=100
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"nas: {vigil.GONE}; continue with `nas search --resume`\n"
    last = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    assert last["event"] == "search ended"
    assert (last["level"], last["reason"]) == ("error", vigil.GONE)


def test_an_address_is_gone_when_it_refused_three_times() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        look = vigil.reachable(server.getsockname(), other.getsockname())
        assert [look() for _ in range(4)] == [True] * 4
        other.close()
        assert [look() for _ in range(4)] == [True, True, False, False]
