"""A run from elsewhere names a database: nobody connects to it who was not asked to."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas.config import Config
from nas.runs import ledgers, trusted
from nas.runs.directory import RunDirectory
from search_space.errors import UserError
from tests.support.runs import nas_here


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(trusted, "_used", set())
    return tmp_path / "config"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        yield listening


@pytest.fixture
def run(tmp_path: Path, listener: socket.socket) -> RunDirectory:
    place = f"postgresql://${{PGPASSWORD}}:${{PGPASSWORD}}@127.0.0.1:{listener.getsockname()[1]}/x"
    return RunDirectory.create(tmp_path / "it's theirs", Config(storage=place))


def was_called(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


@pytest.mark.parametrize(
    "words",
    [
        ["status", "RUN"],
        ["status", "RUN", "--json"],
        ["report", "RUN"],
        ["dashboard", "RUN", "--port", "0"],
        ["export", "RUN", "-o", "OUT"],
        ["promote", "RUN"],
        ["search", "--from", "RUN", "--run", "OUT"],
    ],
)
def test_reading_it_connects_to_nothing_and_says_how_to(
    words: list[str],
    run: RunDirectory,
    listener: socket.socket,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPASSWORD", "hush")
    places = {"RUN": str(run.path), "OUT": str(tmp_path / "out")}
    done = nas_here(*(places.get(word, word) for word in words))
    assert done.returncode == 2
    assert "hush" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert "nas trust '" in done.stderr
    assert not was_called(listener)


def test_once_it_is_trusted_it_is_connected_to(
    run: RunDirectory, home: Path, listener: socket.socket
) -> None:
    assert nas_here("trust", str(run.path)).returncode == 0
    assert json.dumps(run.config().storage)[1:-1] in (home / trusted.FILE).read_text()
    trusted._used.clear()  # as in another process
    trusted.check(run, run.config().storage)
    other = Config(storage=(run.config().storage or "") + "2")
    with pytest.raises(UserError, match="not connected"):
        trusted.check(run, other.storage)


def test_where_nothing_can_be_written_down_this_process_remembers(
    run: RunDirectory, home: Path
) -> None:
    home.write_text("no folder")
    assert not trusted.trust("postgresql://host/mine")
    trusted.check(run, "postgresql://host/mine")
    assert nas_here("trust", str(run.path)).returncode == 2


def test_ones_own_are_asked_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_STORAGE", f"sqlite:///{tmp_path}/runs.db")
    for name, storage in (("a", f"sqlite:///{tmp_path}/runs.db"), ("b", "${NAS_STORAGE}")):
        config = Config(storage=storage)
        made = RunDirectory.create(tmp_path / name, config)
        ledgers.make(made, config, (), {}).close()
        assert ledgers.trials(made) == []


def test_a_search_trusts_where_it_writes(
    run: RunDirectory, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    local = f"sqlite:///{tmp_path}/runs.db"
    monkeypatch.setattr("nas.settings.storage_url.expanded", lambda url: local)
    config = run.config()
    ledgers.make(run, config, (), {}).close()
    assert (home / trusted.FILE).read_text() == f"{config.storage}\n"
    (home / trusted.FILE).unlink()
    ledgers.resume(run, config, (), {}).close()
    assert (home / trusted.FILE).read_text() == f"{config.storage}\n"
