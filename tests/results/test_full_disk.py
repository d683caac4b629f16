"""A disk that is full in the midst of a run: one line, nothing torn, and the run goes on after."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from results.ledger import Ledger
from results.store import StorageFailed
from search_space import catalog

PROGRAM = """
import resource, signal, sys
from pathlib import Path
from results.ledger import Ledger
from results.store import StorageFailed
from search_space import catalog
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
spec = catalog.load("spinenet-49")
with Ledger.open(path) as ledger:
    limit = path.stat().st_size + int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    before = 0
    try:
        while True:
            trial = ledger.start("trial", "candidate", spec, "key", None)
            ledger.fail(trial.number, "lost")
            before = trial.number + 1
    except StorageFailed as error:
        print(before, error)
"""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.journal"
    Ledger.create(path, "run", (), {}).close()
    return path


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no limit on a file's size here")
@pytest.mark.parametrize("room", [10, 1000, 3210])
def test_a_disk_that_fills_up_leaves_a_whole_ledger_that_goes_on(journal: Path, room: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(journal), str(room)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    ended, line = done.stdout.rstrip("\n").split(" ", 1)
    assert line == f"{journal}: the ledger cannot be written: File too large"
    assert journal.read_bytes().endswith(b"\n")
    assert not os.path.lexists(f"{journal}.lock")
    trials = Ledger.open(journal, read_only=True).trials()
    assert [trial.error for trial in trials][: int(ended)] == ["lost"] * int(ended)
    with Ledger.open(journal) as ledger:
        assert len(ledger) == len(trials) <= int(ended) + 1
        ledger.start("trial", "candidate", catalog.load("spinenet-49"), "key", None)


def test_a_write_that_failed_may_be_tried_again(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    spec = catalog.load("spinenet-49")
    with Ledger.open(journal) as ledger:
        ledger.start("trial", "candidate", spec, "key", None)
        whole = journal.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(StorageFailed, match="No space left on device"):
                ledger.fail(0, "lost")
            assert journal.read_bytes() == whole
        trial = ledger.fail(0, "lost")
    assert Ledger.open(journal, read_only=True).trials() == [trial]
