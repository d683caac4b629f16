"""A pack holds every image at its size, appears whole or not at all, and is made once."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.datasets.packed import PackedSplit, contents, damaged, open_packed
from proxy_tasks.datasets.packing import PLACES, pack, place
from proxy_tasks.datasets.scenes import Scenes
from proxy_tasks.intensities import NATURAL
from proxy_tasks.resizing import resized
from proxy_tasks.sight import Sight
from search_space.errors import UserError
from tests.support.arrays import Pair, packed

SIGHT = Sight(cover=(24, 32))
DATA = Scenes(train=5, val=3, size=(48, 64))

PACK = """
import sys
from proxy_tasks.datasets.packing import pack
from proxy_tasks.datasets.scenes import Scenes
from proxy_tasks.sight import Sight
print(pack(Scenes(train=5, val=3, size=(48, 64)), Sight(cover=(24, 32)), sys.argv[1]))
"""
PACK_SLOWLY = PACK.replace("sys.argv[1]", "sys.argv[1], wait").replace(
    "import sys", "import sys, time\ndef wait(done, total): print(done, flush=True); time.sleep(60)"
)
PACK_ON_A_FULL_DISK = (
    """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
"""
    + PACK
)


@dataclass(frozen=True)
class Breaking(Scenes):
    """Has a bad label in the middle."""

    def load(self, split, index):
        if (split, index) == ("val", 1):
            raise UserError("val/labels/1.png is bad")
        return super().load(split, index)


def test_a_pack_holds_every_image_at_its_size(tmp_path):
    data = open_packed(pack(DATA, SIGHT, tmp_path))
    assert (len(data.train), len(data.val), data.sight) == (5, 3, SIGHT)
    assert (data.classes, data.palette, data.name) == (DATA.classes, DATA.palette, "scenes")
    assert (data.intensities, data.folds) == (NATURAL, ())
    for split in ("train", "val"):
        part: PackedSplit = getattr(data, split)
        for index in range(3):
            image, labels = DATA.load(split, index)
            means = image.reshape(24, 2, 32, 2, 3).mean((1, 3))
            # Antialiased: close to the mean of the pixels covered, where single pixels are not.
            apart = np.abs(part.image(index) - means).mean()
            assert apart < 0.7 * np.abs(image[::2, ::2] - means).mean()
            # What is trained on is seen as small as its image, what is scored at its own size.
            expected = labels[1::2, 1::2] if split == "train" else labels
            assert np.array_equal(part.labels(index), expected)


def test_images_of_the_right_size_are_left_as_they_are(tmp_path):
    data = open_packed(pack(DATA, Sight(factor=1), tmp_path))
    image, labels = DATA.load("train", 4)
    assert np.array_equal(data.train.image(4), image)
    assert np.array_equal(data.train.labels(4), labels)


def test_resizing_invents_no_class(tmp_path):
    data = open_packed(pack(DATA, Sight(stretch=(37, 91)), tmp_path))
    for index in range(5):
        there = set(np.unique(DATA.load("train", index)[1]))
        assert set(np.unique(data.train.labels(index))) <= there


def test_images_of_one_size_are_plain_arrays_on_disk(tmp_path):
    path = pack(DATA, SIGHT, tmp_path)
    images, labels = (np.load(path / f"{kind}-train.npy") for kind in ("images", "labels"))
    assert (images.shape, images.dtype) == ((5, 24, 32, 3), np.uint8)
    assert (labels.shape, labels.dtype) == ((5, 24, 32), np.uint8)
    assert np.load(path / "images-val.npy").shape == (3, 24, 32, 3)
    assert np.load(path / "labels-val.npy").shape == (3, 48, 64)
    assert np.array_equal(images[4], open_packed(path).train.image(4))


KINDS = ("images", "labels", "index", "counts")


def test_the_files_of_a_pack_are_known_by_name(tmp_path):
    path = pack(DATA, SIGHT, tmp_path)
    arrays = [f"{kind}-{part}" for part in ("train", "val") for kind in KINDS]
    names = {"meta.json", "places-train.npy", *(f"{name}.npy" for name in arrays)}
    assert {file.name for file in path.iterdir()} == names
    assert {name for name, _ in contents(path)} == names


def pairs(channels: int = 3, dtype: Any = np.uint8) -> list[Pair]:
    """Portrait beside landscape, one of them tiny."""
    rng, top = np.random.default_rng(0), np.iinfo(dtype).max
    found = []
    for size in ((40, 60), (60, 40), (7, 9), (40, 60)):
        labels = rng.integers(0, 3, size, np.uint8)
        labels[:2] = IGNORE
        found.append((rng.integers(0, top, (*size, channels), dtype), labels))
    return found


@pytest.mark.parametrize(("channels", "dtype"), [(3, np.uint8), (3, np.uint16), (5, np.uint16)])
def test_images_of_any_sizes_lie_side_by_side(channels, dtype):
    given = pairs(channels, dtype)
    data = packed(given, sight=Sight(factor=0.5))
    assert (data.train.pixels.ndim, data.train.pixels.dtype) == (1, dtype)
    for index, (image, labels) in enumerate(given):
        size = round(labels.shape[0] / 2), round(labels.shape[1] / 2)
        for part in (data.train, data.val):
            assert np.array_equal(part.image(index), resized(image, size))
        assert data.train.labels(index).shape == size
        assert np.array_equal(data.val.labels(index), labels)


def test_pixels_are_counted_by_image_and_class():
    data = packed(pairs(), classes=tuple("abcd"))
    for part in (data.train, data.val):
        assert part.counts.shape == (4, 4)
        for index in range(4):
            labels = part.labels(index)
            assert part.counts[index].tolist() == [int((labels == k).sum()) for k in range(4)]


def test_places_are_some_pixels_of_each_class_sorted_by_it():
    data = packed(pairs(), classes=tuple("abcd"))
    places = data.train.places
    assert places is not None
    assert (np.diff(places[:, 0]) >= 0).all()
    for label, image, row, column in places:
        assert data.train.labels(image)[row, column] == label
    assert len(np.unique(places, axis=0)) == len(places)
    for image in range(4):
        for label in range(4):
            found = ((places[:, 0] == label) & (places[:, 1] == image)).sum()
            assert found == min(PLACES, data.train.counts[image, label])
    assert data.val.places is None


def test_what_is_no_photograph_is_normalised_by_its_own_figures():
    given = pairs(5, np.uint16)
    found = packed(given).intensities
    values = np.concatenate([image.reshape(-1, 5) for image, _ in given]) / 65535
    assert found.top == 65535
    assert found.mean == pytest.approx(values.mean(0))
    assert found.std == pytest.approx(values.std(0))
    assert packed(pairs(3, np.uint16)).intensities.top == 65535
    assert packed(pairs(4)).intensities.channels == 4


def test_folds_are_kept():
    assert packed(pairs(), folds=(0, 1, 1, 0)).folds == (0, 1, 1, 0)


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_part_that_is_void_alone_is_refused(split):
    image = np.zeros((4, 4, 3), np.uint8)
    given = {"train": 0, "val": 0, split: IGNORE}
    parts = {name: [(image, np.full((4, 4), label, np.uint8))] for name, label in given.items()}
    with pytest.raises(UserError, match=f"no pixel of {split} has a class"):
        packed(**parts)


def test_a_second_pack_reads_nothing(tmp_path):
    calls: list[tuple[int, int]] = []
    first = pack(DATA, SIGHT, tmp_path, lambda *done: calls.append(done))
    assert calls == [(done, 8) for done in range(1, 9)]
    assert pack(DATA, SIGHT, tmp_path, lambda *done: calls.append(done)) == first
    assert len(calls) == 8
    assert os.listdir(tmp_path) == [first.name]


def test_what_differs_is_packed_apart(tmp_path):
    others = [(DATA, SIGHT), (DATA, Sight(factor=0.5)), (Scenes(5, 3, (48, 64), seed=1), SIGHT)]
    assert len({pack(data, sight, tmp_path) for data, sight in others}) == 3


def test_it_travels_as_a_path_and_opens_the_same_map(tmp_path):
    data = open_packed(pack(DATA, SIGHT, tmp_path))
    assert data.train.pixels.any()
    sent = pickle.dumps(data)
    assert len(sent) < 500
    assert np.array_equal(pickle.loads(sent).train.pixels, data.train.pixels)


def test_torch_takes_the_maps_without_a_warning_and_cannot_change_the_files(tmp_path):
    path = pack(DATA, SIGHT, tmp_path)
    before = (path / "images-train.npy").read_bytes()
    data = open_packed(path)
    assert isinstance(data.train.pixels, np.memmap)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.from_numpy(data.train.pixels).zero_()
    assert (path / "images-train.npy").read_bytes() == before


def test_a_bad_label_leaves_nothing_behind(tmp_path):
    with pytest.raises(UserError, match=r"1\.png is bad"):
        pack(Breaking(train=5, val=3), SIGHT, tmp_path)
    assert os.listdir(tmp_path) == []


def test_files_that_change_while_being_packed_are_noticed(tmp_path):
    prints = iter("aabb")

    class Changing(Scenes):
        def fingerprint(self, split):
            return next(prints)

    with pytest.raises(UserError, match="changed"):
        pack(Changing(train=2, val=1), SIGHT, tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_damaged_pack_is_made_again(tmp_path):
    path = pack(DATA, SIGHT, tmp_path)
    whole = (path / "labels-val.npy").read_bytes()
    (path / "labels-val.npy").write_bytes(whole[:-1])
    with pytest.raises(UserError, match=path.name):
        open_packed(path)
    assert pack(DATA, SIGHT, tmp_path) == path
    assert (path / "labels-val.npy").read_bytes() == whole
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("name", ["images-train", "labels-val", "places-train"])
def test_a_pack_of_which_a_part_was_overwritten_is_made_again_and_that_is_told(tmp_path, name):
    path = pack(DATA, SIGHT, tmp_path)
    assert damaged(path) == []
    whole = (path / f"{name}.npy").read_bytes()
    middle = len(whole) // 2
    zeroed = whole[:middle] + bytes(200) + whole[middle + 200 :]
    (path / f"{name}.npy").write_bytes(zeroed)
    assert open_packed(path)  # nothing is seen without reading it
    assert damaged(path) == [f"{name}.npy"]
    told = []
    assert pack(DATA, SIGHT, tmp_path, tell=told.append) == path
    assert told == [f"{path}: {name}.npy is not as it was packed; packed again"]
    assert (path / f"{name}.npy").read_bytes() == whole
    assert os.listdir(tmp_path) == [path.name]
    assert pack(DATA, SIGHT, tmp_path, tell=told.append) == path
    assert len(told) == 1


def test_where_a_pack_lies_is_known_before_there_is_one(tmp_path):
    assert place(DATA, SIGHT, tmp_path) == pack(DATA, SIGHT, tmp_path)


def run(code: str, cache: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", code, str(cache)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_killed_packer_leaves_nothing_that_is_used_or_kept(tmp_path):
    process = run(PACK_SLOWLY, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (leftover,) = tmp_path.iterdir()
    assert leftover.name.startswith(".")
    path = pack(DATA, SIGHT, tmp_path)
    assert list(tmp_path.iterdir()) == [path]
    assert len(open_packed(path).train) == 5


def test_a_living_packer_is_left_alone(tmp_path):
    process = run(PACK_SLOWLY, tmp_path)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        path = pack(DATA, SIGHT, tmp_path)
        assert len(list(tmp_path.iterdir())) == 2
        assert len(open_packed(path).val) == 3
    finally:
        process.kill()
        process.communicate()


def test_processes_that_race_both_end_well(tmp_path):
    processes = [run(PACK, tmp_path) for _ in range(3)]
    answers = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    (path,) = tmp_path.iterdir()
    assert answers == {str(path)}
    assert len(open_packed(path).train) == 5


def test_a_full_disk_is_told_in_one_line_and_leaves_nothing(tmp_path):
    process = run(PACK_ON_A_FULL_DISK, tmp_path)
    last = process.communicate(timeout=60)[1].strip().splitlines()[-1]
    assert process.returncode != 0
    assert "UserError: cannot write packed data" in last
    assert str(tmp_path) in last
    assert "free some space" in last
    assert os.listdir(tmp_path) == []


def test_too_little_space_for_the_next_image_is_told(tmp_path, monkeypatch):
    class Usage:
        free = 2 * 24 * 32 * 4

    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage)
    with pytest.raises(UserError, match="MB free but the next image needs"):
        pack(DATA, Sight(factor=1), tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_pack_of_another_release_is_made_anew(tmp_path):
    path = pack(DATA, SIGHT, tmp_path)
    meta = json.loads((path / "meta.json").read_text())
    (path / "meta.json").write_text(json.dumps(meta | {"format": "packed/1"}))
    with pytest.raises(UserError, match="pack it again"):
        open_packed(path)
    assert pack(DATA, SIGHT, tmp_path) == path
    assert len(open_packed(path).train) == 5


def test_a_cache_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write"):
        pack(DATA, SIGHT, tmp_path / "file")


def test_opening_what_is_no_pack_is_refused(tmp_path):
    with pytest.raises(UserError, match="no packed data set"):
        open_packed(tmp_path)
