"""The cache is emptied of what is ours, not in use and no link; and of nothing else."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest

from proxy_tasks.datasets.appearing import alone
from proxy_tasks.datasets.cache import Entry, clear, entries
from proxy_tasks.datasets.locks import locked, unused, used
from proxy_tasks.datasets.packing import pack
from proxy_tasks.networks.frozen_features import features_of
from proxy_tasks.sight import Sight
from search_space.errors import UserError
from tests.support.arrays import Arrays
from tests.support.taught import soft_labels, teacher_maps

IMAGE = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
DATA = Arrays(*[[(IMAGE, np.zeros((32, 48), np.uint8))]] * 2, ("sky", "road"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """With one of each kind."""
    folder = tmp_path / "cache"
    data = pack(DATA, Sight(cover=(32, 48)), folder)
    soft_labels(DATA, data)
    teacher_maps(data)
    features_of(data).mkdir()
    (features_of(data) / f"{'a' * 32}.safetensors").write_bytes(b"1234")
    (folder / "fingerprints").mkdir()
    (folder / "fingerprints" / f"{'b' * 16}.json").write_text("{}")
    (folder / "digests.json").write_text("{}")
    return folder


def kinds(found: list[Entry]) -> list[str]:
    return sorted(entry.kind for entry in found)


ALL = ["digests", "encoder maps", "fingerprint", "images", "teacher", "teacher"]


def test_it_is_listed_with_size_and_last_use_and_removed(cache: Path) -> None:
    found = entries(cache)
    assert kinds(found) == ALL
    (images,) = (entry for entry in found if entry.kind == "images")
    assert images.nbytes == sum(file.stat().st_size for file in images.path.iterdir())
    assert abs(images.used - time.time()) < 60
    assert {entry.pack for entry in found} == {images.path.name, ""}
    assert clear(found, cache) == []
    assert [path for path in cache.rglob("*") if path.is_file()] == []
    assert entries(cache) == []
    assert entries(cache / "none") == []


def test_what_is_not_ours_stays(cache: Path, tmp_path: Path) -> None:
    (images,) = (entry for entry in entries(cache) if entry.kind == "images")
    (images.path / "my notes.txt").write_text("dear to me")
    (cache / "clusters").mkdir()
    (cache / "clusters" / "one.json").write_text("{}")
    (cache / f"photos-{'0' * 16}").mkdir()
    (cache / f"photos-{'0' * 16}" / "1.png").write_bytes(b"1")
    others = [cache / "clusters" / "one.json", cache / f"photos-{'0' * 16}" / "1.png"]
    found = entries(cache)
    assert kinds(found) == [kind for kind in ALL if kind != "images"]
    clear(found, cache)
    assert (images.path / "my notes.txt").read_text() == "dear to me"
    assert all(path.exists() for path in others)
    assert (images.path / "meta.json").exists()


def test_no_link_is_followed(cache: Path, tmp_path: Path) -> None:
    elsewhere = pack(DATA, Sight(cover=(32, 48)), tmp_path / "other")
    held = {path.name: path.read_bytes() for path in elsewhere.iterdir()}
    clear(entries(cache), cache)
    (cache / elsewhere.name).symlink_to(elsewhere)
    (cache / f"x-{'0' * 16}").mkdir()
    (cache / f"x-{'0' * 16}" / "meta.json").symlink_to(elsewhere / "meta.json")
    (cache / "fingerprints").rmdir()
    (tmp_path / "prints").mkdir()
    (tmp_path / "prints" / "a.json").write_text("{}")
    (cache / "fingerprints").symlink_to(tmp_path / "prints")
    (cache / "digests.json").symlink_to(tmp_path / "prints" / "a.json")
    assert entries(cache) == []
    assert {path.name: path.read_bytes() for path in elsewhere.iterdir()} == held
    (cache / ".p.used").symlink_to(tmp_path / "prints" / "a.json")
    with pytest.raises(OSError, match="symbolic link"), locked(cache / ".p.used"):
        pass


def test_what_is_in_use_stays_with_all_that_is_made_of_it(cache: Path) -> None:
    (data,) = (entry.path for entry in entries(cache) if entry.kind == "images")
    with used(data), used(data):
        found = entries(cache)
        assert kinds([entry for entry in found if entry.in_use]) == [
            "encoder maps", "images", "teacher", "teacher",
        ]  # fmt: skip
        assert kinds(clear(found, cache)) == ["encoder maps", "images", "teacher", "teacher"]
    assert kinds(entries(cache)) == ["encoder maps", "images", "teacher", "teacher"]
    assert clear(entries(cache), cache) == []


def _hold(pack: Path, ready: object) -> None:
    with used(pack):
        ready.set()  # type: ignore[attr-defined]
        time.sleep(60)


def test_a_process_that_was_killed_uses_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "p", ready))
    holder.start()
    assert ready.wait(20)
    with unused(tmp_path / "p") as free:
        assert not free
    holder.kill()
    holder.join()
    with unused(tmp_path / "p") as free:
        assert free


def test_the_last_use_of_a_pack_is_told_where_reading_is_not_noted(cache: Path) -> None:
    (data,) = (entry.path for entry in entries(cache) if entry.kind == "images")
    for path in data.iterdir():
        os.utime(path, (1e9, 1e9))
    assert max(entry.used for entry in entries(cache) if entry.path == data) == 1e9
    with used(data):
        pass
    assert max(entry.used for entry in entries(cache) if entry.path == data) > 1.5e9


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_again(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path):
        path.unlink()
        with locked(path):  # another file by now
            assert path.exists()
            with pytest.raises(BlockingIOError), locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB):
                pass


def test_what_may_not_be_removed_is_one_line(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    found = entries(cache)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(UserError, match="cannot be removed: Permission denied"):
        clear(found, cache)


def test_a_cache_that_may_not_be_written_is_used_all_the_same(tmp_path: Path) -> None:
    with used(tmp_path / "none" / "pack"):
        pass
    with pytest.raises(UserError, match="cannot write packed data"), alone(Path("/proc/none/x")):
        pass
