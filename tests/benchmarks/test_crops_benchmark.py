"""The ways to a batch that are timed against each other make the same kind of batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import crops as benchmark
from benchmarks.crops import Files, Ratio, Thumbnails
from proxy_tasks.augment import Augment
from proxy_tasks.crops import Crops
from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.recipe import Recipe
from proxy_tasks.sight import Sight
from tests.support.arrays import packed

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_thumbnails_and_crops_are_the_same_where_an_image_is_as_large_as_a_crop() -> None:
    rng = np.random.default_rng(0)
    pairs = [
        (rng.integers(0, 256, (40, 56, 3), np.uint8), rng.integers(0, 9, (40, 56), np.uint8))
        for _ in range(6)
    ]
    train, augment = packed(pairs).train, Augment()
    draws = augment.draw(6, torch.Generator().manual_seed(0))
    x, y = Thumbnails(train, augment)(torch.arange(6), draws)
    other, labels = Crops(DeviceSplit(train, CPU), (40, 56), augment)(torch.arange(6), draws)
    torch.testing.assert_close(x, other, atol=1e-3, rtol=0)
    assert torch.equal(y, labels)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Images of any sizes whose left halves are dark and of class 0, and whose right are bright."""
    for part in ("train", "val"):
        for kind in ("images", "labels"):
            (tmp_path / part / kind).mkdir(parents=True)
        for number in range(4):
            labels = np.zeros((60 + 9 * number, 90 - 7 * number), np.uint8)
            labels[:, 40:] = 1
            pixels = (40 + 170 * labels[..., None]).repeat(3, 2).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / part / "images" / f"{number}.png")
            Image.fromarray(labels).save(tmp_path / part / "labels" / f"{number}.png")
    (tmp_path / "classes.txt").write_text("dark\nbright\n")
    return tmp_path


def test_the_loaders_crops_are_of_the_working_resolution(root: Path) -> None:
    recipe = Recipe(jitter=(1, 1), flip=0, colour=0)
    files = Files(root / "train", (64, 64), Sight(factor=0.5), recipe)
    for number in range(4):
        x_3HW, labels = files[number]
        shown = labels != IGNORE  # half the image, and mean colour around it
        assert x_3HW.shape == (3, 64, 64)
        size = round((60 + 9 * number) / 2) * round((90 - 7 * number) / 2)
        assert int(shown.sum()) == pytest.approx(size, rel=0.06)
        assert ((x_3HW[0] > 0).long() == labels)[shown].float().mean() > 0.97
        assert x_3HW[:, ~shown].abs().max() < 0.01


def test_rates_and_ratios_are_printed(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "WORKERS", 1)
    arguments = ["--size", "32", "48", "--batch", "2", "--batches", "1", "--turns", "2"]
    benchmark.main([str(root), *arguments, "--cache", str(tmp_path / "cache")])
    *_, row = capsys.readouterr().out.splitlines()
    _, title, *rates, _, _, _ = (cell.strip() for cell in row.split("|"))
    assert title.endswith("32x48")
    assert all(float(rate) > 0 for rate in rates)


def test_a_ratio_is_a_median_with_its_interval() -> None:
    found = Ratio(np.array([1.0, 2.0, 3.0, 4.0, 100.0]))
    low, high = found.interval()
    assert found.median == 3
    assert 1 <= low < 3 < high <= 100
    assert str(Ratio(np.array([2.0, 2.0]))) == "2.00 (2.00 to 2.00)"
