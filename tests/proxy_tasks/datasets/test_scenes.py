import hashlib
import subprocess
import sys

import numpy as np
import pytest

from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.datasets.scenes import Scenes
from search_space.errors import UserError

DIGEST = """
import hashlib
from proxy_tasks.datasets.scenes import Scenes
image, labels = Scenes(seed=3).load("val", 5)
print(hashlib.sha256(image.tobytes() + labels.tobytes()).hexdigest())
"""


@pytest.fixture(scope="module")
def some() -> list[tuple[np.ndarray, np.ndarray]]:
    scenes = Scenes()
    return [scenes.load("train", index) for index in range(60)]


def test_a_scene_is_a_picture_and_its_labels(some):
    for image, labels in some:
        assert (image.shape, image.dtype) == ((96, 128, 3), np.uint8)
        assert (labels.shape, labels.dtype) == ((96, 128), np.uint8)
        assert set(np.unique(labels)) <= {*range(11), IGNORE}


def test_the_same_scene_comes_twice(some):
    image, labels = Scenes(train=7).load("train", 4)
    assert np.array_equal(image, some[4][0])
    assert np.array_equal(labels, some[4][1])


def test_a_fresh_process_draws_the_same_scene():
    image, labels = Scenes(seed=3).load("val", 5)
    here = hashlib.sha256(image.tobytes() + labels.tobytes()).hexdigest()
    run = [sys.executable, "-c", DIGEST]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip() == here


def test_splits_seeds_and_indices_differ():
    first = Scenes().load("train", 0)[1]
    others = [Scenes().load("val", 0), Scenes().load("train", 1), Scenes(seed=1).load("train", 0)]
    assert all((first != labels).mean() > 0.1 for _, labels in others)


def test_every_class_occurs_often_enough_to_be_scored(some):
    counts = sum(np.bincount(labels.ravel(), minlength=256) for _, labels in some)
    shares = counts / counts.sum()
    assert (shares[:11] > 0.003).all()
    assert 0.01 < shares[IGNORE] < 0.1


def test_poles_are_thin(some):
    """Most runs of pole pixels along a row are one to three pixels wide."""
    widths = []
    for _, labels in some:
        padded = np.pad(labels == 2, ((0, 0), (1, 1))).astype(np.int8)
        rows = np.diff(padded, axis=1)
        widths += (np.nonzero(rows == -1)[1] - np.nonzero(rows == 1)[1]).tolist()
    assert len(widths) > 1000
    assert np.mean(np.array(widths) <= 3) > 0.8


def test_colour_alone_does_not_tell_the_classes_apart(some):
    """The nearest mean colour is right for less than half of the pixels."""
    images = np.concatenate([image.reshape(-1, 3) for image, _ in some]).astype(float)[::17]
    labels = np.concatenate([labels.ravel() for _, labels in some])[::17]
    images, labels = images[labels != IGNORE], labels[labels != IGNORE]
    means = np.stack([images[labels == kind].mean(0) for kind in range(11)])
    guess = ((images[:, None] - means) ** 2).sum(2).argmin(1)
    assert (guess == labels).mean() < 0.5


def test_another_size_shows_the_same_streets():
    small, large = Scenes().load("val", 2)[1], Scenes(size=(192, 256)).load("val", 2)[1]
    shrunk = large[::2, ::2]
    known = (small != IGNORE) & (shrunk != IGNORE)
    assert (small == shrunk)[known].mean() > 0.93


def test_fingerprints_follow_the_parameters():
    prints = {
        scenes.fingerprint(split)
        for scenes in (Scenes(), Scenes(seed=1), Scenes(size=(64, 64)), Scenes(train=9, val=9))
        for split in ("train", "val")
    }
    assert len(prints) == 8
    assert Scenes().fingerprint("train") == Scenes().fingerprint("train")


@pytest.mark.parametrize("bad", [{"train": 0}, {"val": -1}, {"size": (8, 64)}, {"seed": -1}])
def test_parameters_that_make_no_data_set_are_refused(bad):
    with pytest.raises(UserError, match=next(iter(bad))):
        Scenes(**bad)


@pytest.mark.parametrize("index", [-1, 128])
def test_there_are_no_scenes_beyond_the_end(index):
    with pytest.raises(IndexError):
        Scenes().load("val", index)
