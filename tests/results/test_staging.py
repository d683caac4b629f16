"""What an export that was killed left is cleared by the next, and nobody else's is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from results.export.staging import staged

EXPORT = """
import sys
from pathlib import Path
from results.export.staging import staged
with staged(Path(sys.argv[1])) as stage:
    (stage / "half").touch()
    print(stage, flush=True)
    sys.stdin.read()
"""


def test_what_a_kill_left_is_removed_and_what_is_being_made_is_not(tmp_path: Path) -> None:
    other = tmp_path / ".found-a-file"
    other.touch()
    command = [sys.executable, "-c", EXPORT, str(tmp_path / "found")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as export:
        assert export.stdout is not None
        stage = Path(export.stdout.readline().strip())
        with staged(tmp_path / "found") as ours:
            assert (stage / "half").exists()
            assert ours != stage
        export.kill()
    assert (stage / "half").exists()
    with staged(tmp_path / "found"):
        assert not stage.exists()
    assert list(tmp_path.iterdir()) == [other]


def test_a_body_that_raises_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"), staged(tmp_path / "found"):
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []
