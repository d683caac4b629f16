"""Whether a command works on a run, as real processes that are killed leave it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Timer

import pytest

from nas.runs import at_work
from nas.runs.at_work import AtWork

SEARCH, PROMOTE = "nas search --run 'a b' --resume", "nas promote R --top 2 --resume"
PROGRAM = """
import sys
from pathlib import Path
from nas.runs.at_work import at_work
with at_work(Path(sys.argv[1]), sys.argv[2]):
    print("working", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def working(folder: Path, command: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that works on the run until it reads a line."""
    words = [sys.executable, "-c", PROGRAM, str(folder), command]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def end(process: "subprocess.Popen[str]") -> None:
    process.communicate("\n")
    assert process.returncode == 0


def test_one_that_is_killed_was_interrupted_and_one_that_ended_says_nothing(tmp_path: Path) -> None:
    assert at_work.found(tmp_path) is None
    with working(tmp_path, SEARCH) as process:
        assert at_work.found(tmp_path) == AtWork(True, SEARCH)
        process.kill()
        process.wait()
        assert at_work.found(tmp_path) == AtWork(False, SEARCH)
    with working(tmp_path, PROMOTE) as process:
        assert at_work.found(tmp_path) == AtWork(True, PROMOTE)
        end(process)
    assert at_work.found(tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_an_exception_is_an_interruption(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), at_work.at_work(tmp_path, SEARCH):
        raise KeyboardInterrupt
    assert at_work.found(tmp_path) == AtWork(False, SEARCH)


def test_of_two_the_first_ones_command_stands_until_both_are_gone(tmp_path: Path) -> None:
    with working(tmp_path, SEARCH) as search, working(tmp_path, PROMOTE) as promotion:
        end(promotion)
        assert at_work.found(tmp_path) == AtWork(True, SEARCH)
        search.kill()
        search.wait()
        assert at_work.found(tmp_path) == AtWork(False, SEARCH)


def test_a_reader_at_the_end_does_not_leave_it_interrupted(tmp_path: Path) -> None:
    with ExitStack() as reading:
        with at_work.at_work(tmp_path, SEARCH):
            path = tmp_path / at_work.FILE
            file = reading.enter_context(path.open("rb"))
            moment = Timer(0.015, file.close)
            # As a reader that comes between the end and what is forgotten.
            asked = at_work._forget
            reading.callback(setattr, at_work, "_forget", asked)

            def late(path: Path) -> None:
                fcntl.flock(file, fcntl.LOCK_EX)
                moment.start()
                asked(path)

            at_work._forget = late
        assert at_work.found(tmp_path) is None


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("nas search --run $(reboot) --resume", "nas search --run '$(reboot)' --resume"),
        ("nas search --run R; reboot", "nas search --run 'R;' reboot"),
        ("rm -rf R", ""),
        ("nas cluster down", ""),
        ("nas search 'R", ""),
        ("\x1b[2J", ""),
    ],
)
def test_what_a_foreign_run_says_is_quoted_anew_or_not_shown(
    said: str, shown: str, tmp_path: Path
) -> None:
    (tmp_path / at_work.FILE).write_text(said)
    assert at_work.found(tmp_path) == AtWork(False, shown)


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text(SEARCH)
    run = tmp_path / "run"
    run.mkdir()
    (run / at_work.FILE).symlink_to(outside)
    assert at_work.found(run) is None
    with at_work.at_work(run, PROMOTE):
        assert outside.read_text() == SEARCH


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_nothing_is_said_where_nothing_can_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with at_work.at_work(tmp_path, SEARCH):
        assert at_work.found(tmp_path) is None
