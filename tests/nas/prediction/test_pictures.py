"""Pictures of predicted label maps beside the truth."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from nas.config import Config
from nas.prediction import pictures
from nas.prediction.pictures import GAP, HEADING, TALLEST, VOID, WIDTH, compared, draw_missing, grid
from nas.runs import promotion_records
from nas.runs.directory import RunDirectory
from nas.runs.reading import ObservedRun
from proxy_tasks.intensities import Intensities
from proxy_tasks.labelling import Labeller
from proxy_tasks.sight import Sight
from proxy_tasks.task import Measurement
from search_space.errors import UserError

CLASSES, PALETTE = ("sky", "road"), ((10, 20, 200), (120, 60, 120))
SIZE = (35, 70)


def cell(picture: Image.Image, row: int, column: int) -> np.ndarray:
    """Of the grid, (H, W, 3)."""
    height = round(WIDTH * SIZE[0] / SIZE[1])
    left, top = column * (WIDTH + GAP), HEADING + row * (height + GAP)
    return np.asarray(picture)[top : top + height, left : left + WIDTH]


def test_each_row_holds_image_truth_and_prediction_in_the_data_sets_colours() -> None:
    image = np.full((*SIZE, 3), 77, np.uint8)
    truth, predicted = np.zeros(SIZE, np.uint8), np.ones(SIZE, np.uint8)
    truth[:, 35:] = 255
    picture = grid([(image, predicted, truth), (image, truth, predicted)], CLASSES, PALETTE)
    assert (cell(picture, 1, 0) == 77).all()
    assert (cell(picture, 1, 1)[:, : WIDTH // 2] == PALETTE[0]).all()
    assert (cell(picture, 1, 1)[:, WIDTH // 2 :] == VOID).all()
    assert (cell(picture, 1, 2) == PALETTE[1]).all()


HALF = Sight(factor=0.5)


@dataclass
class Bright:
    """Knows two classes by brightness."""

    classes: tuple[str, ...] = CLASSES
    sight: Sight = HALF
    seen: list[tuple[int, ...]] = field(default_factory=list)

    def labeller(self, *, sight: Sight | None) -> Labeller:
        return Labeller(self._run, sight or self.sight, Intensities((0.0,) * 3, (1 / 255,) * 3))

    def _run(self, x_BCHW: np.ndarray) -> np.ndarray:
        self.seen.append(x_BCHW.shape[2:])
        return np.stack([x_BCHW[:, 0] <= 100, x_BCHW[:, 0] > 100], 1).astype(np.float32)


@dataclass
class Split:
    """Images at half of their labels' size, the way a pack has them."""

    sizes: list[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.sizes)

    def image(self, number: int) -> np.ndarray:
        height, width = self.sizes[number]
        return np.full((height // 2, width // 2, 3), 20 * number, np.uint8)

    def labels(self, number: int) -> np.ndarray:
        return np.zeros(self.sizes[number], np.uint8)


def packed(count: int, sizes: list[tuple[int, int]] | None = None) -> SimpleNamespace:
    split = Split(sizes or [SIZE] * count)
    return SimpleNamespace(classes=CLASSES, palette=PALETTE, val=split, sight=HALF, folds=())


def test_images_from_the_whole_split_are_predicted() -> None:
    picture = compared(Bright(), packed(11))
    assert [cell(picture, row, 0)[0, 0, 0] for row in range(3)] == [0, 100, 200]
    assert [tuple(cell(picture, row, 2)[0, 0]) for row in range(3)] == [
        PALETTE[0], PALETTE[0], PALETTE[1],
    ]  # fmt: skip
    compared(Bright(), packed(1))


def test_a_packs_images_are_seen_as_they_are_and_labelled_at_their_labels_size() -> None:
    bright = Bright()
    compared(bright, packed(1))
    assert bright.seen == [(17, 35)]
    other = Bright(sight=Sight(factor=2.0))  # was not what the pack is made for
    compared(other, packed(1))
    assert other.seen == [(34, 70)]


def test_each_row_has_the_shape_of_its_image() -> None:
    picture = np.asarray(compared(Bright(), packed(3, [(35, 70), (90, 45), (40, 40)])))
    heights = [140, TALLEST, WIDTH]
    top = HEADING
    for height, width in zip(heights, (WIDTH, TALLEST // 2, WIDTH), strict=True):
        row = picture[top : top + height, 2 * (WIDTH + GAP) :]
        assert (row[:, (WIDTH - width) // 2 : (WIDTH + width) // 2] == PALETTE[0]).all()
        assert (row[:, : (WIDTH - width) // 2] == 255).all()
        assert (picture[top + height : top + height + GAP] == 255).all()
        top += height + GAP


def test_a_network_of_other_classes_is_not_compared() -> None:
    with pytest.raises(UserError, match="classes are not those of the data set"):
        compared(Bright(("sky", "sea")), packed(1))


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    run = RunDirectory.create(tmp_path / "run", Config())
    for number, name in enumerate(("a", "b")):
        folder = run.promotions / name
        folder.mkdir(parents=True)
        (folder / "best.safetensors").write_bytes(b"damaged" if name == "a" else b"")
        record = {
            "trial": number, "key": "k", "seed": 0, "proxy_miou": 0.1, "miou": 0.2, "epoch": 1,
            "last": Measurement(1, 10, 10, 1.0).to_dict(), "weights": "best.safetensors",
            "digest": None, "settings": {},
        }  # fmt: skip
        promotion_records.write_json(folder / "promotion.json", record)
    return run


def test_a_picture_that_cannot_be_made_is_told_of_and_the_others_are_made_once(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    damaged = pictures.open_predictor

    def fake(path: Path) -> object:
        opened.append(path.parent.name)
        return damaged(path) if path.parent.name == "a" else Bright()

    monkeypatch.setattr(pictures, "open_predictor", fake)
    monkeypatch.setattr(pictures, "open_packed", lambda _: packed(4))
    weights, picture = (run.promotions / "b" / name for name in ("best.safetensors", "labels.png"))
    for written in (b"first", b"first", b"second"):
        weights.write_bytes(written)
        os.utime(weights, (0, 0))  # a clock that was set back
        said = StringIO()
        draw_missing(run, Path("data"), Console(file=said))
        assert "a: label maps not drawn" in said.getvalue()
        os.utime(picture, (0, 0))
    assert opened == ["a", "b", "a", "a", "b"]
    files = {path.name for path in run.promotions.glob("*/*") if "labels" in path.name}
    assert files == {"labels.png"}


def test_an_observed_run_tells_of_pictures_that_are_its_own(
    run: RunDirectory, tmp_path: Path
) -> None:
    observed = ObservedRun(run.path)
    assert [each.labels for each in observed.promoted()] == [None, None]
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"\x89PNG\r\n\x1a\n secret")
    os.symlink(secret, run.promotions / "a" / "labels.png")
    (run.promotions / "b" / "labels.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    found = [each.labels for each in observed.promoted()]
    assert found == [None, (run.promotions / "b" / "labels.png").resolve()]


def test_images_that_the_network_was_trained_on_are_called_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    headings: list[str] = []
    monkeypatch.setattr(pictures, "_headings", lambda whole, across, first: headings.append(first))
    for folds in ((), (0, 1)):
        data = packed(2)
        data.folds = folds
        compared(Bright(), data)
    assert headings == ["image", "image (trained on)"]
