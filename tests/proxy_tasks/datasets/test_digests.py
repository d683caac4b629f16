"""What files hold, read once as long as nobody touches them."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from proxy_tasks.datasets import digests, open_dataset
from proxy_tasks.datasets.digests import Digests
from proxy_tasks.datasets.files import FileDataset
from search_space.errors import UserError
from tests.support import trees


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that were just written count as old."""
    monkeypatch.setattr(digests, "_RACY", -60.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    return path


def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    read: list[Path] = []
    whole = digests._digest
    monkeypatch.setattr(digests, "_digest", lambda path: read.append(path) or whole(path))
    return read


def test_a_digest_follows_the_content_alone(path, tmp_path):
    (tmp_path / "copy").write_bytes(b"one")
    found = Digests().of([path, tmp_path / "copy"])
    assert len({*found.values()}) == 1
    path.write_bytes(b"two")
    assert Digests().of([path])[path] != found[path]


@pytest.mark.usefixtures("settled")
def test_content_that_changes_under_the_same_size_and_time_is_seen(path, tmp_path):
    os.utime(path, ns=(1, 1))
    first = Digests(tmp_path / "cache").of([path])
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert Digests(tmp_path / "cache").of([path]) != first


@pytest.mark.usefixtures("settled")
def test_a_file_is_read_once_for_all_processes(path, tmp_path, monkeypatch):
    read = reads(monkeypatch)
    first = Digests(tmp_path / "cache").of([path, path])
    assert Digests(tmp_path / "cache").of([path]) == first
    assert read == [path]


def test_what_was_written_a_moment_ago_is_read_again(path, tmp_path, monkeypatch):
    read = reads(monkeypatch)
    known = Digests(tmp_path / "cache")
    known.of([path])
    known.of([path])
    assert len(read) == 2


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1}', '{"a": [[1], null, 3]}'])
def test_a_damaged_cache_is_replaced(path, tmp_path, content):
    (tmp_path / "digests.json").write_text(content)
    found = Digests(tmp_path).of([path])
    assert json.loads((tmp_path / "digests.json").read_text())[str(path)][1] == found[path]


@pytest.mark.usefixtures("settled")
def test_a_cache_that_cannot_be_written_does_no_harm(path, tmp_path):
    (tmp_path / "cache").write_text("no folder")
    assert Digests(tmp_path / "cache").of([path])


@pytest.mark.usefixtures("settled")
def test_many_may_write_at_once(tmp_path):
    paths = [tmp_path / str(index) for index in range(40)]
    for path in paths:
        path.write_bytes(path.name.encode())
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda path: Digests(tmp_path / "cache").of([path]), paths))
    kept = json.loads((tmp_path / "cache/digests.json").read_text())
    every = {str(path): digest for each in found for path, digest in each.items()}
    assert {path: digest for path, (_, digest) in kept.items()}.items() <= every.items()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="gone cannot be read"):
        Digests().of([tmp_path / "gone"])


def test_a_data_set_tells_which_of_its_files_changed(tmp_path):
    root = trees.folder(tmp_path / "data")

    def now() -> dict[str, str]:
        data = open_dataset("folder", root=root, cache=tmp_path / "cache")
        assert isinstance(data, FileDataset)
        return data.digests("train")

    before = now()
    assert sorted(before) == sorted(
        f"train/{kind}/{name}.png" for kind in ("images", "labels") for name in ("0", "a b", "x.v2")
    )
    label = root / "train/labels/0.png"
    stat = label.stat()
    swapped = np.array([1, 0, 2, 255], np.uint8)[np.asarray(trees.Image.open(label)) % 4]
    trees.Image.fromarray(swapped).save(label)
    os.utime(label, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert {name for name, digest in now().items() if digest != before[name]} == {
        "train/labels/0.png"
    }
