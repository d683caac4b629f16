"""Disks that are full or read-only, as a user meets them: one line, an exit code, nothing lost."""

from __future__ import annotations

import resource
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.runs import arguments, command, environment, nas_here, trials_of

OWN_MOUNTS = ["unshare", "--mount", "sh", "-c"]
"""A shell whose mounts nobody else sees, and which are gone with it."""


def may_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*OWN_MOUNTS, "mount -t tmpfs none /mnt"], stderr=-3).returncode == 0


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A finished one; its data are packed."""
    run = tmp_path_factory.mktemp("runs") / "small"
    done = nas_here(*search(run, cache, 1))
    assert done.returncode == 0, done.stderr
    return run


def search(run: Path, cache: Path, trials: int) -> list[str]:
    words = ["search", "--engine", "inline", "--trials", str(trials), "--run", str(run)]
    return [*words, *arguments(cache, baselines="[]")]


def goes_on(run: Path) -> None:
    """To its end, with what had finished as it was."""
    before = [trial for trial in trials_of(run) if trial["state"] == "complete"]
    done = nas_here("search", "--run", str(run), "--resume", "--trials", str(len(before) + 1))
    assert done.returncode == 0, done.stderr
    after = trials_of(run)
    assert after[: len(before)] == before
    assert [trial["state"] for trial in after] == ["complete"] * (len(before) + 1)


def line_of(done: subprocess.CompletedProcess[str], code: int) -> str:
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line


def test_a_disk_that_fills_up_during_a_search_ends_it_in_one_line(
    run: Path, cache: Path, tmp_path: Path
) -> None:
    room = (run / "ledger.journal").stat().st_size + 3000  # for a trial or two more
    done = subprocess.run(
        command(*search(tmp_path / "full", cache, 100_000)),
        capture_output=True,
        text=True,
        env=environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    ledger = tmp_path / "full" / "ledger.journal"
    assert line_of(done, 1) == (
        f"nas: {ledger}: the ledger cannot be written: File too large;"
        f" repair that, then continue with `nas search --run {ledger.parent} --resume`"
    )
    assert trials_of(ledger.parent)
    goes_on(ledger.parent)


@pytest.mark.skipif(not may_mount(), reason="no right to mount a small disk")
def test_a_small_disk_that_holds_all_of_a_run_fills_up(cache: Path, tmp_path: Path) -> None:
    disk, saved = tmp_path / "disk", tmp_path / "saved"
    disk.mkdir()
    words = shlex.join(command(*search(disk / "run", cache, 100_000)))
    script = f"mount -t tmpfs -o size=96k none {disk} && {words}; code=$?"
    done = subprocess.run(
        [*OWN_MOUNTS, f"{script}; cp -r {disk}/run {saved}; exit $code"],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert "the ledger cannot be written: No space left on device" in line_of(done, 1)
    assert len(trials_of(saved)) > 1
    goes_on(saved)


@pytest.mark.skipif(not may_mount(), reason="no right to mount a read-only disk")
def test_a_read_only_disk_is_read_and_not_written(run: Path, cache: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = f"mount -t tmpfs none {disk} && cp -r {run} {disk}/run && mount -o remount,ro {disk}"

    def there(*words: str) -> subprocess.CompletedProcess[str]:
        script = f"{mounted} && {shlex.join(command(*words))}"
        return subprocess.run(
            [*OWN_MOUNTS, script], capture_output=True, text=True, env=environment()
        )

    seen = there("status", str(disk / "run"))
    assert seen.returncode == 0, seen.stderr
    assert "1 complete" in seen.stdout
    resumed = there("search", "--run", str(disk / "run"), "--resume")
    assert line_of(resumed, 2).startswith(f"nas: {disk}/run: may not be written; copy")
    fresh = there(*search(disk / "new", cache, 1))
    assert line_of(fresh, 2) == f"nas: {disk}/new: cannot be made (Read-only file system)"


def test_what_follows_a_search_on_a_full_disk_is_told_in_one_line_too(
    run: Path, tmp_path: Path
) -> None:
    """The leaderboard and the pictures are larger than the room there is."""
    full = tmp_path / "run"
    shutil.copytree(run, full)
    shutil.rmtree(full / "artifacts")
    room = (run / "ledger.journal").stat().st_size
    done = subprocess.run(
        command("search", "--run", str(full), "--resume"),
        capture_output=True,
        text=True,
        env=environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)),
    )
    assert "cannot be written: File too large" in line_of(done, 1)
    goes_on(full)


@pytest.mark.skipif(not may_mount(), reason="only who may mount can fill up a disk")
@pytest.mark.parametrize("form", ["python", "torch-export", "huggingface", "diagram"])
def test_an_export_to_a_full_disk_is_one_line_and_leaves_nothing(
    run: Path, tmp_path: Path, form: str
) -> None:
    words = command("export", str(run), "--format", form, "-o", str(tmp_path / "disk" / "out"))
    (tmp_path / "disk").mkdir()
    filled = f"mount -t tmpfs -o size=40k none {tmp_path}/disk && {shlex.join(words)}; code=$?"
    done = subprocess.run(
        [*OWN_MOUNTS, f"{filled}; ls -A {tmp_path}/disk; exit $code"],
        capture_output=True,
        text=True,
        env=environment(),
    )
    assert "disk/out" in line_of(done, 1)
    assert done.stdout == ""
