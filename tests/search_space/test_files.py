"""A file is replaced in one step or stays as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from search_space.files import replacing


@pytest.mark.parametrize("alone", [True, False])
def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path: Path, alone: bool) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with replacing(path, alone) as draft:
        draft.write_text("new, in part")
        assert path.read_text() == "old"
    assert path.read_text() == "new, in part"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("alone", [True, False])
def test_a_body_that_raises_leaves_the_old_file_and_no_draft(tmp_path: Path, alone: bool) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def write() -> None:
        with replacing(path, alone) as draft:
            draft.write_text("new, in part")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_kill_left_of_a_large_draft_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for _ in range(2):
        if os.fork() == 0:
            with replacing(path, alone=True) as draft:
                draft.write_text("new")
                os._exit(9)
        os.wait()
    assert len(list(tmp_path.iterdir())) == 1
    with replacing(path, alone=True) as draft:
        draft.write_text("new")
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_do_not_write_one_draft(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with replacing(path) as ours:
        ours.write_text("ours")
        if (child := os.fork()) == 0:
            with replacing(path) as theirs:
                theirs.write_text("theirs")
            os._exit(0)
        os.waitpid(child, 0)
        assert path.read_text() == "theirs"
    assert path.read_text() == "ours"


def test_drafts_of_processes_that_are_gone_are_removed_and_others_stay(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    path = tmp_path / "f.txt"
    with replacing(path) as draft:
        mine = draft.name
        draft.write_text("1")
    left = mine.replace(f"-{os.getpid()}-", f"-{gone.pid}-")
    others = [mine.replace("f.txt", "g.txt"), f".f.txt.00000000-{gone.pid}-1.tmp", "f.txt.tmp"]
    parent = mine.replace(f"-{os.getpid()}-", f"-{os.getppid()}-")
    for name in (left, parent, *others):
        (tmp_path / name).write_text("")
    with replacing(path) as draft:
        draft.write_text("2")
    assert {each.name for each in tmp_path.iterdir()} == {"f.txt", parent, *others}
