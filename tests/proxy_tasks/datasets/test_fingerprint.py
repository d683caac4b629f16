"""All that is measured of a data set, each figure against one worked out by hand."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from proxy_tasks.datasets import IGNORE
from proxy_tasks.datasets import fingerprint as module
from proxy_tasks.datasets.faults import Fault, Faults
from proxy_tasks.datasets.fingerprint import Fingerprint, fingerprint
from proxy_tasks.datasets.looks import bits_used, channel_traits
from proxy_tasks.intensities import Intensities
from search_space.errors import UserError
from tests.support.pictures import Pictures, labels, noise

SKY, ROAD = 2, 0


def streets(number: int = 6, void: int = 0) -> list:
    """Sky on the upper half, road below, a car in it of two rows."""
    rows = [SKY] * 8 + [ROAD] * 3 + [1] * 2 + [ROAD] * 3
    rows[:void] = [IGNORE] * void
    return [(noise(index, void), labels(rows)) for index in range(number)]


@pytest.fixture
def pictures() -> Pictures:
    return Pictures(streets(), streets(2, void=4), test=streets(1, void=8))


def test_pixels_images_void_and_sizes_of_every_part(pictures):
    parts = fingerprint(pictures).parts
    train, val, test = (parts[name] for name in ("train", "val", "test"))
    assert (train.number, train.read, train.void, dict(train.sizes)) == (6, 6, 0, {(16, 24): 6})
    assert train.pixels == (6 * 6 * 24, 6 * 2 * 24, 6 * 8 * 24)
    assert train.shares == (0.375, 0.125, 0.5)
    assert (val.void_share, val.images) == (0.25, (2, 2, 2))
    assert (test.images, test.void) == ((1, 1, 0), 8 * 24)
    assert train.short_sides == (16,) * 6


def test_thickness_and_place_are_of_the_training_images(pictures):
    found = fingerprint(pictures)
    assert [each.images for each in found.thickness] == [6, 6, 6]
    assert [each.lower for each in found.thickness] == pytest.approx([4.5, 2, 16])
    assert found.vertical[SKY].mean == pytest.approx(0.25)
    assert [each.mean for each in found.horizontal] == pytest.approx([0.5] * 3)
    assert (found.upright, found.sided, found.growth) == (True, False, None)


def test_the_same_lying_down_is_sided(pictures):
    turned = [(image.transpose(1, 0, 2), each.T.copy()) for image, each in pictures.train]
    found = fingerprint(Pictures(turned))
    assert (found.upright, found.sided) == (False, True)


@given(arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 9))))
def test_values_are_those_of_all_training_pixels_together(values):
    counts = np.bincount(values.ravel(), minlength=256)
    found, shares = channel_traits(counts), values / 255
    assert (found.mean, found.std) == (pytest.approx(shares.mean()), pytest.approx(shares.std()))
    assert (found.lowest, found.highest) == (shares.min(), shares.max())
    tails = np.quantile(shares, (0.005, 0.995), method="inverted_cdf")
    assert [found.dark, found.bright] == pytest.approx(tails.tolist())


def test_values_are_pooled_over_images_of_all_sizes():
    images = [noise(1, shape=(4, 6)), noise(2, shape=(30, 50)), noise(3, shape=(7, 7))]
    images[1][:] //= 4
    train = [(image, np.zeros(image.shape[:2], np.uint8)) for image in images]
    found = fingerprint(Pictures(train, [(noise(4), labels([0, 1] * 8))]))
    together = np.concatenate([image.reshape(-1, 3) for image in images]) / 255
    assert found.intensities.mean == pytest.approx(together.mean(0))
    assert found.intensities.std == pytest.approx(together.std(0))
    assert (found.channels, found.depth, found.bits, found.top) == (3, 8, 8, 255)


def test_twelve_bits_in_sixteen_are_noticed():
    deep = [noise(n, channels=5, dtype=np.uint16) >> 4 for n in range(3)]
    deep[0][0, 0, 0] = 4095
    pairs = [(image, labels([0, 1] * 8)) for image in deep]
    found = fingerprint(Pictures(pairs))
    assert (found.channels, found.depth, found.bits, found.top) == (5, 16, 12, 65535)
    assert found.brightness[0].highest == 4095 / 65535
    assert "images have 16 bits per channel and use 12 of them" in found.notes
    assert bits_used(np.eye(1, 256, 0, dtype=int)) == 1


def test_a_channel_of_one_value_can_be_normalised():
    flat = [(np.full((4, 4, 3), 7, np.uint8), np.eye(4, dtype=np.uint8))]
    found = fingerprint(Pictures(flat))
    assert found.intensities == Intensities((7 / 255,) * 3, (1 / 255,) * 3, 255)


def test_the_file_gives_back_all_of_it(pictures):
    pictures.val.append(Fault(Path("a/b.png"), "is odd", kind="odd", mend="mend it"))
    pictures.test.append(pictures.train[0])
    found = fingerprint(replace(pictures, groups="aabbcd"))
    text = json.dumps(found.to_dict())
    again = Fingerprint.from_dict(json.loads(text))
    assert json.dumps(again.to_dict()) == text
    assert again.parts == found.parts
    assert (again.twins, again.thickness, again.vertical) == (
        found.twins,
        found.thickness,
        found.vertical,
    )
    assert [(str(each), each.kind, each.mend) for each in again.faults] == [
        ("a/b.png is odd", "odd", "mend it")
    ]
    assert found.parts["train"].groups == 4


@pytest.mark.parametrize(
    ("key", "value"), [("depth", "deep"), ("parts", None), ("faults", [{"what": "x"}])]
)
def test_what_is_no_fingerprint_is_refused_in_one_line(pictures, key, value):
    values = {**fingerprint(pictures).to_dict(), key: value}
    with pytest.raises(UserError, match=f"no fingerprint: {key}") as refused:
        Fingerprint.from_dict(values)
    assert "\n" not in str(refused.value)


def test_the_number_of_threads_changes_nothing(pictures, monkeypatch):
    many = fingerprint(pictures)
    monkeypatch.setattr(module, "_THREADS", 1)
    assert fingerprint(pictures) == many


def test_every_pair_is_read_once_and_progress_is_told(pictures):
    told = []
    fingerprint(pictures, lambda *progress: told.append((*progress, threading.current_thread())))
    assert set(pictures.loaded.values()) == {1}
    assert len(pictures.loaded) == 9
    assert [each[:2] for each in told] == [(done, 9) for done in range(1, 10)]
    assert {each[2] for each in told} == {threading.main_thread()}


def test_folds_are_read_once(pictures):
    twin = [*pictures.train, pictures.train[0]]
    found = fingerprint(
        replace(pictures, train=twin, val=twin, folds=(0, 1, 0, 1, 0, 1, 1), loaded=pictures.loaded)
    )
    assert found.folded
    assert {part for part, _ in pictures.loaded} == {"train", "test"}
    assert found.parts["val"] == found.parts["train"]
    assert [(each.part, each.name, each.other) for each in found.twins] == [
        ("train", "train-6", "train-0")
    ]
    assert any(
        note.endswith("train train-6 = train train-0; keep them in one fold")
        for note in found.notes
    )


def test_of_many_images_some_are_measured(monkeypatch):
    monkeypatch.setattr(module, "MEASURED", 3)
    found = fingerprint(Pictures(streets(8)))
    assert found.thickness[1].images == 3
    assert found.parts["train"].images[1] == 8


def test_what_cannot_be_read_is_told_and_the_rest_measured(pictures):
    first, second = Fault(Path("a.png"), "is broken"), Fault(Path("b.png"), "is odd")
    pictures.train[1:2] = [Faults([first, second]), second]
    found = fingerprint(pictures)
    assert [str(each) for each in found.faults] == [
        "a.png is broken",
        "b.png is odd",
        "b.png is odd",
    ]
    assert (found.parts["train"].number, found.parts["train"].read) == (7, 5)


def test_faults_of_one_kind_are_one_line(pictures):
    for number in range(3):
        fault = Fault(
            Path(f"{number}.png"), "is odd", kind="odd", summary="are odd", mend="mend it"
        )
        pictures.train.append(fault)
    found = fingerprint(pictures)
    assert [str(each) for each in found.faults] == [f"{number}.png is odd" for number in range(3)]
    (only,) = found.wrong
    assert str(only) == "0.png and 2 more are odd: mend it"
    assert only.number == 3


def test_a_bug_is_no_fault(pictures):
    pictures.train[2] = ZeroDivisionError("ours")
    with pytest.raises(ZeroDivisionError):
        fingerprint(pictures)


def test_a_part_without_a_labelled_pixel_is_a_fault(pictures):
    void = labels([IGNORE] * 16)
    train = [(noise(8), void), *pictures.train[1:]]
    found = fingerprint(Pictures(train, [(noise(9), void)]))
    assert [str(each) for each in found.faults] == [
        "val has no labelled pixel: all its label maps are void throughout"
    ]
    assert "one image of train without a labelled pixel: train-0" in found.notes


def test_classes_that_a_part_misses_are_noted(pictures):
    pictures = replace(pictures, classes=("road", "car", "sky", "moon", "sun"))
    pictures.val.append((noise(7), labels([3, 3, 255, 255] * 4)))
    assert set(fingerprint(pictures).notes) == {
        "class 'moon' is in no training image, but in validation: its IoU will be 0",
        "class 'sun' is in no training image",
        "in no test image, so without a score there: 'sky'",
    }


def test_images_that_stand_in_two_parts_are_noted(pictures):
    pictures.val.append(pictures.train[3])
    found = fingerprint(pictures)
    assert [(twin.name, twin.other) for twin in found.twins] == [("val-2", "train-3")]
    assert (
        "one image has the same pixels as another: val val-2 = train train-3;"
        " scores on images that are trained on mean nothing"
    ) in found.notes


def test_a_data_set_of_nothing_is_measured_too():
    broken = Fault(Path("a.png"), "is broken")
    found = fingerprint(Pictures([broken]))
    assert (found.brightness, found.channels, found.depth, found.growth) == ((), 3, 8, None)
    assert found.parts["train"].shares == (0, 0, 0)
    assert Fingerprint.from_dict(found.to_dict()).parts == found.parts
