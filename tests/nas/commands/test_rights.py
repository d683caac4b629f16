"""Users without a home or without rights, as in containers and on shared results: reading a run
works, and what would write ends in one line."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas.engines.base import Crash, Trouble
from nas.engines.worker import Worker
from nas.failures import no_access
from nas.runs.directory import RunDirectory
from nas.runs.inside import check_permitted
from search_space.errors import UserError
from search_space.files import check_temporary
from tests.support.runs import arguments, command, environment, nas_here

OTHER = ["unshare", "--user", "--map-user=12345"]
"""A user whom nobody knows, without root's rights."""


def may_unshare() -> bool:
    done = subprocess.run([*OTHER, "true"], capture_output=True) if shutil.which(OTHER[0]) else None
    return done is not None and done.returncode == 0


needs_other = pytest.mark.skipif(not may_unshare(), reason="no right to be another user")


def as_other(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """``nas WORDS`` by a user without a home, but for these variables."""
    known = {k: v for k, v in environment().items() if k not in ("HOME", "USER", "LOGNAME")}
    return subprocess.run(
        [*OTHER, *command(*words)], capture_output=True, text=True, env=known | variables
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("runs")
    words = ("search", "--engine", "inline", "--trials", "1", "--run", str(made / "run"))
    done = nas_here(*words, *arguments(made / "cache", baselines="[]"))
    assert done.returncode == 0, done.stderr
    return made / "run"


@pytest.fixture
def read_only(run: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy that may not be written."""
    copy = tmp_path / "shared" / "run"
    shutil.copytree(run, copy)
    folders = [copy, *(path for path in copy.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    yield copy
    for folder in folders:
        folder.chmod(0o755)


@needs_other
@pytest.mark.parametrize(
    "words", [("promote", "RUN"), ("search", "--run", "RUN", "--resume", "--trials", "2")]
)
def test_what_writes_into_a_read_only_run_ends_before_it_begins(
    read_only: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    named = [str(read_only) if word == "RUN" else word for word in words]
    done = as_other(*named, HOME=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"nas: {read_only}: may not be written; copy the whole run to a folder where you may"
        " write, and go on with the copy"
    ]


@needs_other
def test_an_export_into_a_read_only_run_is_one_line_and_elsewhere_works(
    read_only: Path, tmp_path: Path
) -> None:
    inside = as_other("export", str(read_only), "-o", str(read_only / "out"), HOME=str(tmp_path))
    assert inside.stderr == f"nas: {read_only}/out: cannot be written: Permission denied\n"
    outside = as_other("export", str(read_only), "-o", str(tmp_path / "out"), HOME=str(tmp_path))
    assert outside.returncode == 0, outside.stderr


@needs_other
def test_without_a_home_the_cache_has_to_be_named() -> None:
    done = as_other("data", "pack")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "nas: data.cache: ~/.cache/spinenet-seg: the home folder is not known; set HOME, or write"
        " a path without ~"
    ]


@needs_other
@pytest.mark.parametrize("words", [("status",), ("check",)])
def test_without_a_home_a_run_is_read(run: Path, words: tuple[str, ...]) -> None:
    done = as_other(*words, str(run))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_folder_of_a_run_that_may_not_be_written_is_named(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    denied = RunDirectory(run).artifacts
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != denied)
    with pytest.raises(UserError, match=f"^{denied}: may not be written"):
        check_permitted(run)


def test_without_a_folder_for_temporary_files_nothing_begins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(tmp_path / "none")])
    with pytest.raises(UserError, match="set TMPDIR"):
        check_temporary()
    done = nas_here("search", "--trials", "1", "--run", str(tmp_path / "run"))
    assert (done.returncode, "set TMPDIR" in done.stderr) == (2, True)


def test_a_file_that_is_refused_is_one_line_and_no_bug() -> None:
    refused = PermissionError(13, "Permission denied", "/there")
    assert no_access(refused) == "/there: Permission denied"
    assert no_access(ValueError("a bug")) is None
    assert no_access(PermissionError(1, "Operation not permitted")) is None  # of no file


def test_a_training_that_may_not_write_is_not_the_codes_fault() -> None:
    class Refused:
        def score(self, job: object) -> Iterator[object]:
            raise PermissionError(13, "Permission denied", "/there")
            yield

    worker = Worker(Refused(), 1)  # type: ignore[arg-type]
    worker.start(None)  # type: ignore[arg-type]
    outcome, _ = worker.step()
    assert isinstance(outcome, Crash)
    assert outcome.trouble is Trouble.INPUT
