"""What a user would have without a search: a plain U-Net, trained for so many minutes of one core.

    python -m benchmarks.unet DATA.yaml --minutes 12 --part test -o unet.json

Four stages of two 3x3 convolutions (Ronneberger et al. 2015, arXiv 1505.04597), 16 to 128 filters;
random 320x320 crops of images at half resolution, batches of four, AdamW 2e-3 under poly, ENet's
class weights, flips left to right. Whole images are scored at the labels' own size. It is written
with torch alone, apart from the reading of files and the counting of hits: no part of what it is
compared with trains it. DATA.yaml is a config; its ``data`` section says what is read.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from nas import config as configs
from nas.parts import build
from proxy_tasks.datasets import IGNORE, Dataset
from proxy_tasks.datasets.base import Pixels, Raster, Split
from proxy_tasks.emphasis import inverse_log_frequency
from proxy_tasks.metrics import confusion, iou, mean_iou

CROP, BATCH, RATE, FACTOR = 320, 4, 2e-3, 0.5
FILTERS = (16, 32, 64, 128)


class UNet(nn.Module):
    """x_B3HW -> logits_BKHW; sides are padded to multiples of eight."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        widths = (3, *FILTERS)
        self.down = nn.ModuleList(map(_stage, widths[:-1], widths[1:]))
        pairs = list(zip(FILTERS[:0:-1], FILTERS[-2::-1], strict=True))
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 2, 2) for a, b in pairs)
        self.merge = nn.ModuleList(_stage(2 * b, b) for _, b in pairs)
        self.classifier = nn.Conv2d(FILTERS[0], classes, 1)

    def forward(self, x_B3HW: Tensor) -> Tensor:
        height, width = x_B3HW.shape[2:]
        x = F.pad(x_B3HW, (0, -width % 8, 0, -height % 8), "replicate")
        skipped = []
        for index, stage in enumerate(self.down):
            x = stage(F.max_pool2d(x, 2) if index else x)
            skipped.append(x)
        for up, merge, skip in zip(self.up, self.merge, skipped[-2::-1], strict=True):
            x = merge(torch.cat([up(x), skip], 1))
        return self.classifier(x)[:, :, :height, :width]


def _stage(channels: int, filters: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for source in (channels, filters):
        layers += [nn.Conv2d(source, filters, 3, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(filters), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def halved(image: Raster, labels: Pixels) -> tuple[Raster, Pixels]:
    """At half resolution, and at least as large as a crop: reflected at the border where not."""
    size = round(image.shape[1] * FACTOR), round(image.shape[0] * FACTOR)
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    nearest = np.asarray(Image.fromarray(labels).resize(size, Image.Resampling.NEAREST))
    short = [(0, max(0, CROP - side)) for side in nearest.shape]
    return (
        np.pad(small, [*short, (0, 0)], "reflect"),
        np.pad(nearest, short, constant_values=IGNORE),
    )


def crops(pairs: list[tuple[Raster, Pixels]], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """x_B3HW, y_BHW of a step."""
    images, labels = [], []
    for index in rng.integers(len(pairs), size=BATCH):
        image, label = pairs[index]
        top, left = (int(rng.integers(side - CROP + 1)) for side in label.shape)
        part = slice(top, top + CROP), slice(left, left + CROP)
        turn = slice(None, None, -1 if rng.random() < 0.5 else 1)
        images.append(np.ascontiguousarray(image[part][:, turn]))
        labels.append(np.ascontiguousarray(label[part][:, turn]))
    return scaled(torch.from_numpy(np.stack(images))), torch.from_numpy(np.stack(labels)).long()


def scaled(images_BHW3: Tensor) -> Tensor:
    return images_BHW3.permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def train(data: Dataset, minutes: float, seed: int) -> tuple[UNet, int]:
    """The network after so much CPU time of one thread, reading left out, and its steps."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    pairs = [halved(*data.load("train", index)) for index in range(data.count("train"))]
    pixels = sum(np.bincount(label.ravel(), minlength=256) for _, label in pairs)
    weights = inverse_log_frequency(torch.from_numpy(pixels)[: len(data.classes)])
    network = UNet(len(data.classes))
    optimizer = torch.optim.AdamW(network.parameters(), RATE)
    start, steps = time.process_time(), 0
    while (done := (time.process_time() - start) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - done) ** 0.9
        x_B3HW, y_BHW = crops(pairs, rng)
        loss = F.cross_entropy(network(x_B3HW), y_BHW, weights, ignore_index=IGNORE)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps += 1
        if steps % 100 == 0:
            print(f"  step {steps}, {100 * done:.0f} %, loss {loss.item():.3f}", flush=True)
    return network.eval(), steps


@torch.no_grad()
def score(network: UNet, data: Dataset, part: Split) -> Tensor:
    """Confusion over whole images at the labels' own size."""
    counts = torch.zeros(len(data.classes), len(data.classes), dtype=torch.int64)
    for index in range(data.count(part)):
        image, labels = data.load(part, index)
        size = round(image.shape[1] * FACTOR), round(image.shape[0] * FACTOR)
        small = np.array(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
        logits = network(scaled(torch.from_numpy(small)[None]))
        found = F.interpolate(logits, labels.shape, mode="bilinear").argmax(1)[0]
        counts += confusion(found, torch.from_numpy(np.array(labels)), len(data.classes))
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", help="a config whose data section says what is read")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the config")
    parser.add_argument("--minutes", type=float, default=12, help="of CPU time to train for")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--part", default="val", help="what is scored on: val or test")
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = build.dataset(configs.load(options.data, options.set), (CROP, CROP))
    records = []
    for seed in options.seeds:
        network, steps = train(data, options.minutes, seed)
        counts = score(network, data, options.part)
        by_class = dict(zip(data.classes, iou(counts).tolist(), strict=True))
        records.append(
            {"seed": seed, "minutes": options.minutes, "steps": steps, "part": options.part}
            | {"miou": mean_iou(counts), "iou": by_class}
        )
        shown = "  ".join(f"{name} {100 * value:.1f}" for name, value in by_class.items())
        print(f"seed {seed}: {steps} steps, mIoU {100 * mean_iou(counts):.2f} %: {shown}")
        if options.output:
            options.output.write_text(json.dumps(records, indent=1) + "\n")


if __name__ == "__main__":
    main()
