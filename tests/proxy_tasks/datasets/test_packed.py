import os
import pickle
import signal
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from proxy_tasks.datasets.packed import open_packed, pack
from proxy_tasks.datasets.scenes import Scenes
from search_space.errors import UserError

SIZE = (24, 32)
DATA = Scenes(train=5, val=3, size=(48, 64))

PACK = """
import sys
from proxy_tasks.datasets.packed import pack
from proxy_tasks.datasets.scenes import Scenes
print(pack(Scenes(train=5, val=3, size=(48, 64)), (24, 32), sys.argv[1]))
"""
PACK_SLOWLY = PACK.replace("(24, 32), sys.argv[1]", "(24, 32), sys.argv[1], wait").replace(
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
    data = open_packed(pack(DATA, SIZE, tmp_path))
    assert (len(data.train), len(data.val), data.size) == (5, 3, SIZE)
    assert (data.classes, data.palette, data.name) == (DATA.classes, DATA.palette, "scenes")
    assert data.train.images.shape == (5, 24, 32, 3)
    assert data.train.labels.shape == (5, 24, 32)
    for index in range(3):
        image, labels = DATA.load("val", index)
        means = image.reshape(24, 2, 32, 2, 3).mean((1, 3))
        # Antialiased: close to the mean of the pixels covered, where single pixels are not.
        apart = np.abs(data.val.images[index] - means).mean()
        assert apart < 0.7 * np.abs(image[::2, ::2] - means).mean()
        assert np.mean(data.val.labels[index] == labels[1::2, 1::2]) == 1


def test_images_of_the_right_size_are_left_as_they_are(tmp_path):
    data = open_packed(pack(DATA, DATA.size, tmp_path))
    image, labels = DATA.load("train", 4)
    assert np.array_equal(data.train.images[4], image)
    assert np.array_equal(data.train.labels[4], labels)


def test_resizing_invents_no_class(tmp_path):
    data = open_packed(pack(DATA, (37, 91), tmp_path))
    for index in range(5):
        there = set(np.unique(DATA.load("train", index)[1]))
        assert set(np.unique(data.train.labels[index])) <= there


def test_a_second_pack_reads_nothing(tmp_path):
    calls: list[tuple[int, int]] = []
    first = pack(DATA, SIZE, tmp_path, lambda *done: calls.append(done))
    assert calls == [(done, 8) for done in range(1, 9)]
    assert pack(DATA, SIZE, tmp_path, lambda *done: calls.append(done)) == first
    assert len(calls) == 8
    assert os.listdir(tmp_path) == [first.name]


def test_what_differs_is_packed_apart(tmp_path):
    others = [(DATA, SIZE), (DATA, (32, 24)), (Scenes(5, 3, (48, 64), seed=1), SIZE)]
    assert len({pack(data, size, tmp_path) for data, size in others}) == 3


def test_it_travels_as_a_path_and_opens_the_same_map(tmp_path):
    data = open_packed(pack(DATA, SIZE, tmp_path))
    assert data.train.images.any()
    sent = pickle.dumps(data)
    assert len(sent) < 500
    assert np.array_equal(pickle.loads(sent).train.images, data.train.images)


def test_torch_takes_the_maps_without_a_warning_and_cannot_change_the_files(tmp_path):
    path = pack(DATA, SIZE, tmp_path)
    before = (path / "images-train.npy").read_bytes()
    data = open_packed(path)
    assert isinstance(data.train.images, np.memmap)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        torch.from_numpy(data.train.images).zero_()
    assert (path / "images-train.npy").read_bytes() == before


def test_a_bad_label_leaves_nothing_behind(tmp_path):
    with pytest.raises(UserError, match=r"1\.png is bad"):
        pack(Breaking(train=5, val=3), SIZE, tmp_path)
    assert os.listdir(tmp_path) == []


def test_files_that_change_while_being_packed_are_noticed(tmp_path):
    prints = iter("aabb")

    class Changing(Scenes):
        def fingerprint(self, split):
            return next(prints)

    with pytest.raises(UserError, match="changed"):
        pack(Changing(train=2, val=1), SIZE, tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_damaged_pack_is_made_again(tmp_path):
    path = pack(DATA, SIZE, tmp_path)
    whole = (path / "labels-val.npy").read_bytes()
    (path / "labels-val.npy").write_bytes(whole[:-1])
    with pytest.raises(UserError, match=path.name):
        open_packed(path)
    assert pack(DATA, SIZE, tmp_path) == path
    assert (path / "labels-val.npy").read_bytes() == whole
    assert os.listdir(tmp_path) == [path.name]


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
    path = pack(DATA, SIZE, tmp_path)
    assert list(tmp_path.iterdir()) == [path]
    assert len(open_packed(path).train) == 5


def test_a_living_packer_is_left_alone(tmp_path):
    process = run(PACK_SLOWLY, tmp_path)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        path = pack(DATA, SIZE, tmp_path)
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


def test_too_little_space_is_told_before_anything_is_read(tmp_path):
    class Unread(Scenes):
        def load(self, split, index):
            raise AssertionError("read before the space was checked")

    with pytest.raises(UserError, match="MB free"):
        pack(Unread(train=10**9), (512, 1024), tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_cache_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write"):
        pack(DATA, SIZE, tmp_path / "file")


def test_opening_what_is_no_pack_is_refused(tmp_path):
    with pytest.raises(UserError, match="no packed data set"):
        open_packed(tmp_path)
