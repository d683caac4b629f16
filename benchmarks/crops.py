"""Images a second that reach a training: crops from a ragged pack, and what they replace.

    python -m benchmarks.crops ROOT [--name folder] [--factor 1] [--size 352 352] [--turns 15]

ROOT is a data set's folder with train/images and train/labels. Three ways to batches of augmented
crops of one size take turns in one process of one thread:

**crops**: the product's, cut from images of any sizes at their working resolution (``--factor``
times their pixels, or ``--cover``: as the crops need it).
**thumbnails**: what it did before it cropped. All images lie in one array, stretched to the size of
the crops; a batch is gathered from it and goes whole through one grid_sample.
**DataLoader**: torch's with two workers, which decode the files with Pillow each time and make the
same crops, see benchmarks.practitioner. A turn begins when its workers are at work and what they
had made before is used up.

A ratio is the median over the turns, with its 95 % interval by bootstrap. crops / thumbnails is of
CPU seconds, so that other programs hardly disturb it; crops / DataLoader of seconds that pass.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, RandomSampler
from torch.utils.data import Dataset as TorchDataset

from benchmarks.practitioner import augmented, tensors
from proxy_tasks.augment import Augment, Draws, tint
from proxy_tasks.crops import Crops
from proxy_tasks.datasets import open_dataset
from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.datasets.packed import PackedSplit, open_packed
from proxy_tasks.datasets.packing import pack
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.intensities import NATURAL
from proxy_tasks.recipe import Recipe
from proxy_tasks.sight import Sight

Batch = tuple[Tensor, Tensor]
Size = tuple[int, int]
CPU = torch.device("cpu")


class Thumbnails:
    """Whole images (N, H, W, 3) of one size, zoomed, shifted and mirrored within it."""

    def __init__(self, split: PackedSplit, augment: Augment) -> None:
        shapes = {tuple(row) for row in split.index[:, 1:3].tolist()}
        assert len(shapes) == 1, "thumbnails have one size"
        self.size = height, width = shapes.pop()
        self.augment = augment
        self.images = torch.from_numpy(split.pixels).view(-1, height, width, 3)
        self.labels = torch.from_numpy(split.marks).view(-1, height, width)

    def __call__(self, index_B: Tensor, draws: Tensor) -> Batch:
        drawn, (height, width) = Draws.of(draws), self.size
        low, high = (math.log(bound) for bound in self.augment.scale)
        zoom_B1 = torch.exp(low + (high - low) * drawn.zoom_B)[:, None]
        rows_BH = _line(height, zoom_B1, drawn.top_B[:, None])
        columns_BW = _line(width, zoom_B1, drawn.left_B[:, None])
        mirrored = drawn.mirror_B[:, None] < self.augment.flip
        columns_BW = torch.where(mirrored, columns_BW.flip(1), columns_BW)
        x_B3HW = self._sample(self.images[index_B], rows_BH, columns_BW)
        mixing, shift = tint(drawn.colour_B3, self.augment.colour, NATURAL)
        mixed = torch.baddbmm(shift.float()[:, :, None], mixing.float(), x_B3HW.flatten(2))
        x_B3HW = mixed.view_as(x_B3HW).contiguous(memory_format=torch.channels_last)
        return x_B3HW, self._pick(self.labels[index_B], rows_BH, columns_BW)

    def _sample(self, images_BHW3: Tensor, rows_BH: Tensor, columns_BW: Tensor) -> Tensor:
        height, width = self.size
        grid = torch.empty(len(images_BHW3), height, width, 2)
        grid[..., 0] = ((2 * columns_BW + 1) / width - 1).float()[:, None, :]
        grid[..., 1] = ((2 * rows_BH + 1) / height - 1).float()[:, :, None]
        mean = NATURAL.top * torch.tensor(NATURAL.mean)
        centred = images_BHW3.permute(0, 3, 1, 2).contiguous() - mean[:, None, None]
        return functional.grid_sample(centred, grid, "bilinear", "zeros", align_corners=False)

    def _pick(self, labels_BHW: Tensor, rows_BH: Tensor, columns_BW: Tensor) -> Tensor:
        height, width = self.size
        rows, columns = (line.add(0.5).floor().long() for line in (rows_BH, columns_BW))
        inside = ((rows >= 0) & (rows < height))[:, :, None]
        inside = inside & ((columns >= 0) & (columns < width))[:, None, :]
        rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
        index = rows[:, :, None] * width + columns[:, None, :]
        picked = labels_BHW.flatten(1).gather(1, index.flatten(1)).view_as(labels_BHW)
        return picked.long().masked_fill_(~inside, IGNORE)


def _line(length: int, zoom_B1: Tensor, place_B1: Tensor) -> Tensor:
    middle = torch.arange(length, dtype=torch.float64) + 0.5
    return place_B1 * (length - length / zoom_B1) + middle / zoom_B1 - 0.5


class Files(TorchDataset[Batch]):
    """Crops of the files in a folder, decoded each time."""

    def __init__(self, folder: Path, size: Size, sight: Sight, recipe: Recipe) -> None:
        self.size, self.sight, self.recipe = size, sight, recipe
        images, labels = (sorted((folder / kind).iterdir()) for kind in ("images", "labels"))
        self.pairs = list(zip(images, labels, strict=True))

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Batch:
        image, labels = map(Image.open, self.pairs[index])
        pair = augmented(image.convert("RGB"), labels, self.size, self.recipe, self.sight)
        return tensors(*pair)


@dataclass(frozen=True)
class Ways:
    """Each makes a turn of so many batches; returns the seconds that passed, and CPU seconds of
    this process."""

    crops: Callable[[int], tuple[float, float]]
    thumbnails: Callable[[int], tuple[float, float]]
    loader: Callable[[int], tuple[float, float]]


def ways(root: Path, name: str, sight: Sight, size: Size, batch: int, cache: Path) -> Ways:
    """``size`` and ``batch`` of crops."""
    augment, recipe = Augment(), Recipe(batch_size=batch)
    dataset = open_dataset(name, root=root)
    ragged = open_packed(pack(dataset, sight, cache)).train
    whole = open_packed(pack(dataset, Sight(stretch=size), cache)).train
    crops = Crops(DeviceSplit(ragged, CPU), size, augment)
    files = Files(root / "train", size, sight, recipe)
    return Ways(
        _drawn(crops, augment, len(ragged), batch),
        _drawn(Thumbnails(whole, augment), augment, len(whole), batch),
        lambda batches: _loaded(files, batch, batches),
    )


def _drawn(
    make: Callable[[Tensor, Tensor], Batch], augment: Augment, images: int, batch: int
) -> Callable[[int], tuple[float, float]]:
    generator = torch.Generator().manual_seed(0)

    def turn(batches: int) -> tuple[float, float]:
        began = time.perf_counter(), time.process_time()
        for _ in range(batches):
            index = torch.randint(images, (batch,), generator=generator)
            make(index, augment.draw(batch, generator))
        return time.perf_counter() - began[0], time.process_time() - began[1]

    return turn


WORKERS, AHEAD = 2, 2
"""Of the DataLoader, and how many batches each makes in advance."""


def _loaded(files: Files, batch: int, batches: int) -> tuple[float, float]:
    before = WORKERS * AHEAD
    # As many behind as before: while the last that count are made, workers have all their work.
    sampler = RandomSampler(files, replacement=True, num_samples=(batches + 2 * before) * batch)
    loader: DataLoader[Any] = DataLoader(
        files, batch, sampler=sampler, num_workers=WORKERS, prefetch_factor=AHEAD
    )
    found = iter(loader)
    _take(found, before + 1)
    began = time.perf_counter(), time.process_time()
    _take(found, batches)
    return time.perf_counter() - began[0], time.process_time() - began[1]


def _take(batches: Iterator[Any], number: int) -> None:
    for _ in range(number):
        next(batches)


@dataclass(frozen=True)
class Ratio:
    """Of rates, turn by turn."""

    of_T: NDArray[np.float64]

    @property
    def median(self) -> float:
        return float(np.median(self.of_T))

    def interval(self) -> tuple[float, float]:
        """95 %, of the median."""
        rng = np.random.default_rng(0)
        drawn = np.median(rng.choice(self.of_T, (4000, len(self.of_T))), axis=1)
        low, high = np.quantile(drawn, (0.025, 0.975))
        return float(low), float(high)

    def __str__(self) -> str:
        low, high = self.interval()
        return f"{self.median:.2f} ({low:.2f} to {high:.2f})"


def measured(found: Ways, turns: int, batches: int) -> NDArray[np.float64]:
    """Seconds (turns, 3 ways, passed and of CPU); a first turn warms up."""
    rows = [
        [way(batches) for way in (found.crops, found.thumbnails, found.loader)]
        for _ in range(turns + 1)
    ]
    return np.array(rows[1:])


def row(seconds_T32: NDArray[np.float64], images: int, title: str) -> str:
    """``images`` of a turn."""
    rates = " | ".join(f"{images / np.median(seconds_T32[:, way, 0]):.0f}" for way in range(3))
    thumbnails = Ratio(seconds_T32[:, 1, 1] / seconds_T32[:, 0, 1])
    loader = Ratio(seconds_T32[:, 2, 0] / seconds_T32[:, 0, 0])
    return f"| {title} | {rates} | {thumbnails} | {loader} |"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.crops",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("root", type=Path)
    parser.add_argument("--name", default="folder", help="of the data set: folder, camvid")
    parser.add_argument("--factor", type=float, default=1.0)
    parser.add_argument("--cover", action="store_true", help="images that just cover the crops")
    parser.add_argument("--size", type=int, nargs=2, default=(352, 352), metavar=("H", "W"))
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--batches", type=int, default=6, help="of a turn")
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/spinenet-seg").expanduser())
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    size: Size = tuple(given.size)
    sight = Sight(cover=size) if given.cover else Sight(factor=given.factor)
    found = ways(given.root, given.name, sight, size, given.batch, given.cache)
    seconds = measured(found, given.turns, given.batches)
    print(
        "| | crops, images/s | thumbnails | DataLoader | crops / thumbnails | crops / DataLoader |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    title = f"{given.root.name} {size[0]}x{size[1]}"
    print(row(seconds, given.batches * given.batch, title), flush=True)


if __name__ == "__main__":
    main()
