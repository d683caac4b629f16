"""The secret of Ray's processes is their owner's alone."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest

from nas.cluster import token
from nas.cluster.config import ClusterConfig
from nas.cluster.slurm import script
from search_space.errors import UserError
from tests.support.runs import arguments, command, environment


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_for_its_owner_alone_whatever_the_umask(home: Path) -> None:
    before = os.umask(0)
    try:
        token.ensure_token()
    finally:
        os.umask(before)
    assert mode(home / ".ray") == 0o700
    assert mode(home / ".ray" / "auth_token") == 0o600
    assert re.fullmatch("[0-9a-f]{64}", (home / ".ray" / "auth_token").read_text())


def test_one_that_others_can_read_is_closed_to_them_and_stays_the_same(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = home / ".ray" / "auth_token"
    file.parent.mkdir()
    file.write_text("a" * 64)
    file.chmod(0o644)
    token.ensure_token()
    assert (mode(file), file.read_text()) == (0o600, "a" * 64)
    assert "could be read by others" in caplog.text
    caplog.clear()
    token.ensure_token()
    assert not caplog.text


def test_an_empty_one_that_a_kill_left_is_replaced(home: Path) -> None:
    (home / ".ray").mkdir()
    (home / ".ray" / "auth_token").touch()
    token.ensure_token()
    assert len((home / ".ray" / "auth_token").read_text()) == 64


def test_where_none_can_be_kept_this_process_has_its_own(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".ray").write_text("no folder")
    with pytest.raises(UserError, match="cannot be written"):
        token.ensure_token()
    monkeypatch.setenv("RAY_AUTH_TOKEN", "")
    token.ensure_own_token()
    assert len(os.environ["RAY_AUTH_TOKEN"]) == 64


def test_the_first_command_of_all_may_be_a_search(home: Path, tmp_path: Path) -> None:
    """Ray would make a token that all can read."""
    words = ["search", *arguments(tmp_path / "cache", baselines="[]"), "--trials", "1"]
    known = environment() | {"HOME": str(home)}
    run = ["--run", str(tmp_path / "run"), "--set", "engine.workers=1"]
    done = subprocess.run(
        ["bash", "-c", 'umask 000; exec "$@"', "-", *command(*words, *run)],
        env=known,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert mode(home / ".ray" / "auth_token") == 0o600


def test_a_slurm_script_makes_it_for_its_owner_alone() -> None:
    made = script(ClusterConfig.model_validate({"provider": {"name": "slurm", "nodes": 1}}))
    assert "(umask 077 && ray get-auth-token" in made
