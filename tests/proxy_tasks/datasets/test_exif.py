"""Photographs that EXIF turns, and label maps that were drawn on them either way."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from proxy_tasks.datasets import open_dataset
from proxy_tasks.datasets.files import FileDataset
from proxy_tasks.datasets.images import turn
from search_space.errors import UserError
from tests.support import trees

UPSIDE_DOWN, SIDEWAYS = 3, 6
RNG = np.random.default_rng(0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return trees.folder(tmp_path)


def photograph(
    root: Path, name: str, orientation: int, drawn_on: str, size: tuple[int, int] = (8, 12)
) -> None:
    """Red where its label map has 1. ``size`` is as stored."""
    stored = RNG.integers(0, 2, size).astype(np.uint8)
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[stored == 1, 0] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(root / f"train/images/{name}.png", exif=exif)
    labels = stored if drawn_on == "raw" else turn(stored, orientation)
    Image.fromarray(labels).save(root / f"train/labels/{name}.png")


def agrees(root: Path, **options: Any) -> list[bool]:
    """Whether each photograph's red pixels are those of class 1."""
    data = open_dataset("folder", root=root, **options)
    found = []
    for index in range(3):
        image, labels = data.load("train", index)
        found.append(bool(np.array_equal(image[:, :, 0] == 255, labels == 1)))
    return found


def all_photographs(root: Path, orientation: int, drawn_on: str, **more: Any) -> None:
    for name in ("0", "a b", "x.v2"):
        photograph(root, name, orientation, drawn_on, **more)


@pytest.mark.parametrize("drawn_on", ["turn", "raw"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_sizes_tell_or_the_user_does(root, orientation, drawn_on):
    all_photographs(root, orientation, drawn_on)
    told = orientation in (1, 5, 6, 7, 8)
    assert agrees(root, **({} if told else {"exif": drawn_on})) == [True] * 3


@pytest.mark.parametrize(
    ("orientation", "size"), [(UPSIDE_DOWN, (8, 12)), (2, (8, 12)), (SIDEWAYS, (8, 8))]
)
def test_where_nothing_tells_it_is_a_fault_in_one_line(root, orientation, size):
    all_photographs(root, orientation, "raw", size=size)
    with pytest.raises(UserError) as refused:
        open_dataset("folder", root=root)
    line = str(refused.value)
    assert "0.png and 2 more are turned by EXIF, and sizes do not tell" in line
    assert "data.exif: turn" in line
    assert "data.exif: raw" in line
    data = open_dataset("folder", root=root, strict=False)
    with pytest.raises(UserError, match="is turned by EXIF, and sizes do not tell"):
        data.load("train", 0)


@pytest.mark.parametrize("drawn_on", ["turn", "raw"])
def test_photographs_on_their_sides_tell_it_of_the_others(root, drawn_on):
    photograph(root, "0", SIDEWAYS, drawn_on)
    photograph(root, "a b", UPSIDE_DOWN, drawn_on)
    photograph(root, "x.v2", 1, drawn_on)
    assert agrees(root) == [True] * 3


def test_photographs_on_their_sides_that_disagree_tell_nothing(root):
    photograph(root, "0", SIDEWAYS, "turn")
    photograph(root, "a b", SIDEWAYS, "raw")
    photograph(root, "x.v2", UPSIDE_DOWN, "raw")
    with pytest.raises(UserError, match=r"x\.v2\.png is turned by EXIF, and sizes do not"):
        open_dataset("folder", root=root)
    assert agrees(root, exif="raw") == [True] * 3


def test_what_becomes_of_label_maps_is_noted(root):
    def notes(**options: Any) -> tuple[str, ...]:
        data = open_dataset("folder", root=root, **options)
        assert isinstance(data, FileDataset)
        return data.notes()

    assert notes() == ()
    all_photographs(root, SIDEWAYS, "raw")
    assert notes() == (
        "3 photographs are turned by EXIF; their label maps were drawn on the pixels as stored and"
        " are turned too (by their sizes)",
    )
    all_photographs(root, UPSIDE_DOWN, "turn")
    assert "lie on them as viewers show them (data.exif: turn)" in notes(exif="turn")[0]


def test_another_reading_is_another_fingerprint(root):
    prints = {
        open_dataset("folder", root=root, exif=e).fingerprint("train") for e in ("raw", "turn")
    }
    assert len(prints) == 2


def test_an_unknown_word_is_refused(root):
    with pytest.raises(UserError, match=r"data\.exif: write turn or raw, not 'both'"):
        open_dataset("folder", root=root, exif="both")
