"""The search's trainings as they are usually written: the reference that a search is timed against.

    python -m benchmarks.practitioner RUN -o FILE

trains every candidate of a finished run again, with the run's data, epochs, sizes and recipe, from
the same initial weights: Ray Tune with a function trainable, a new process per trial, one trial at
a time with all cores, fp32, a DataLoader with two workers that decodes every image with Pillow each
time it is needed and cuts a crop out of it, logits up-sampled by ``F.interpolate``, torch's
cross-entropy, fused AdamW, one-cycle schedule, gradient clipping and AveragedModel, and a
validation by argmax on whole images at the size of their labels, one at a time. What the draws of
the augmentation are differs; how they are distributed does not. FILE gets ``Reference`` as JSON.

A recipe that places crops on classes or turns them, and folds, are not what it compares.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageEnhance
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, RandomSampler
from torch.utils.data import Dataset as TorchDataset

from nas.parts import build
from nas.runs.directory import RunDirectory
from proxy_tasks.augment import MEAN, STD
from proxy_tasks.datasets import IGNORE, Dataset
from proxy_tasks.datasets.base import Split
from proxy_tasks.metrics import confusion, mean_iou
from proxy_tasks.networks import build_segmenter
from proxy_tasks.recipe import Recipe
from proxy_tasks.sight import Sight
from proxy_tasks.task import Fidelity
from results.ledger import Ledger
from search_space.backbone import Backbone
from search_space.canonical import canonical_key
from search_space.seeds import derive_seed

_FILL = tuple(round(255 * value) for value in MEAN)


@dataclass(frozen=True)
class Reference:
    """``seconds`` from before the first trial's process starts to the last trial's end; mIoU of
    each candidate in the run's order."""

    seconds: float
    mious: tuple[float, ...]


@dataclass(frozen=True)
class Setting:
    """What all trials have in common. ``workers`` of each DataLoader; 0 loads in this process."""

    data: Dataset
    sight: Sight
    fidelity: Fidelity
    recipe: Recipe
    seed: int
    threads: int
    workers: int = 2


class Images(TorchDataset[tuple[Tensor, Tensor]]):
    """x_3HW float32, normalised, and labels_HW int64: an augmented crop of an image to train on, a
    whole one to validate on, whose labels keep their size."""

    def __init__(self, setting: Setting, split: Split) -> None:
        self.data, self.split, self.size = setting.data, split, setting.fidelity.size
        self.sight = setting.sight
        self.recipe = setting.recipe if split == "train" else None
        share = setting.fidelity.share if split == "train" else 1.0
        self.images = max(1, round(self.data.count(split) * share))

    def __len__(self) -> int:
        return self.images

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        pixels, values = self.data.load(self.split, index)
        image, labels = Image.fromarray(pixels), Image.fromarray(values)
        if self.recipe:
            image, labels = augmented(image, labels, self.size, self.recipe, self.sight)
        else:
            height, width = self.sight.seen((image.height, image.width))
            image = image.resize((width, height), Image.Resampling.BILINEAR)
        return tensors(image, labels)


def tensors(image: Image.Image, labels: Image.Image) -> tuple[Tensor, Tensor]:
    """x_3HW and labels_HW."""
    x_3HW = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div_(255)
    x_3HW.sub_(torch.tensor(MEAN)[:, None, None]).div_(torch.tensor(STD)[:, None, None])
    return x_3HW, torch.from_numpy(np.array(labels)).long()


def augmented(
    image: Image.Image, labels: Image.Image, size: tuple[int, int], recipe: Recipe, sight: Sight
) -> tuple[Image.Image, Image.Image]:
    """Scaled, cropped or padded to (height, width), flipped, and its colours changed. Nothing that
    lies outside of the crop is resized."""
    height, width = size
    zoom = math.exp(random.uniform(*(math.log(bound) for bound in recipe.jitter)))
    tall, wide = (zoom * pixels for pixels in sight.seen((image.height, image.width)))
    left, right, x = _cut(wide, width)
    top, bottom, y = _cut(tall, height)
    by_width, by_height = image.width / wide, image.height / tall
    box = left * by_width, top * by_height, right * by_width, bottom * by_height
    whole = max(1, round(right - left)), max(1, round(bottom - top))
    seen, named = Image.new("RGB", (width, height), _FILL), Image.new("L", (width, height), IGNORE)
    seen.paste(image.resize(whole, Image.Resampling.BILINEAR, box), (x, y))
    named.paste(labels.resize(whole, Image.Resampling.NEAREST, box), (x, y))
    if random.random() < recipe.flip:
        seen, named = (part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for part in (seen, named))
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        seen = change(seen).enhance(random.uniform(1 - recipe.colour, 1 + recipe.colour))
    return seen, named


def _cut(have: float, want: int) -> tuple[float, float, int]:
    """Along one side: where what is shown of the image begins and ends, and where it is put."""
    start = random.random() * (have - want)
    return max(0.0, start), min(have, start + want), round(max(0.0, -start))


def train(backbone: Backbone, setting: Setting) -> float:
    """mIoU on the validation split after all epochs, of the averaged weights."""
    torch.set_num_threads(setting.threads)
    torch.manual_seed(derive_seed(setting.seed, "weights", canonical_key(backbone)))
    fidelity, recipe, classes = setting.fidelity, setting.recipe, len(setting.data.classes)
    network = build_segmenter(backbone, fidelity.scale, classes, fidelity.size)
    random.seed(setting.seed)
    loader = _loader(setting, "train")
    average = AveragedModel(network, multi_avg_fn=_warmed(recipe.averaging), use_buffers=True)
    optimizer = torch.optim.AdamW(_groups(network, recipe), lr=recipe.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=recipe.learning_rate,
        total_steps=fidelity.epochs * len(loader),
        pct_start=recipe.warm_up,
    )
    network.train()
    for _ in range(fidelity.epochs):
        for x_B3HW, y_BHW in loader:
            optimizer.zero_grad()
            functional.cross_entropy(network(x_B3HW), y_BHW, ignore_index=IGNORE).backward()
            nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
            optimizer.step()
            schedule.step()
            average.update_parameters(network)
    return _validated(average, _loader(setting, "val"), classes)


@torch.inference_mode()
def _validated(network: nn.Module, loader: DataLoader[Any], classes: int) -> float:
    network.eval()
    counts = torch.zeros(classes, classes, dtype=torch.int64)
    for x_B3HW, y_BHW in loader:
        logits = functional.interpolate(network(x_B3HW), y_BHW.shape[1:], mode="bilinear")
        counts += confusion(logits.argmax(1), y_BHW, classes)
    return mean_iou(counts)


def _loader(setting: Setting, split: Split) -> DataLoader[Any]:
    images, training = Images(setting, split), split == "train"
    sampler = RandomSampler(images, num_samples=setting.fidelity.images) if training else None
    return DataLoader(
        images,
        setting.recipe.batch_size if training else 1,
        sampler=sampler,
        drop_last=training,
        num_workers=setting.workers,
        persistent_workers=setting.workers > 0,
    )


def _groups(network: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """No weight decay on biases and normalisation."""
    weights = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    return [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]


def _warmed(decay: float) -> Any:
    """Exponential average whose decay grows to ``decay`` over the first updates."""

    def update(averaged: Any, current: Any, count: Tensor | int) -> None:
        n = int(count)
        get_ema_multi_avg_fn(min(decay, (1 + n) / (10 + n)))(averaged, current, count)

    return update


def tuned(backbones: Sequence[Backbone], setting: Setting) -> Reference:
    """All of them under Ray Tune, one after the other."""
    os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")  # the data's folder may be relative
    import ray
    from ray import tune

    class Clock(tune.Callback):
        """Notes when Tune begins to work and when the last trial is over."""

        began = ended = 0.0

        def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
            self.began = self.began or time.perf_counter()

        def on_trial_complete(
            self, iteration: int, trials: list[Any], trial: Any, **info: Any
        ) -> None:
            self.ended = time.perf_counter()

    clock = Clock()
    ray.init(num_cpus=setting.threads, include_dashboard=False, log_to_driver=False)
    trainable = tune.with_parameters(_trainable, backbones=backbones, setting=setting)
    with tempfile.TemporaryDirectory() as folder:
        results = tune.Tuner(
            tune.with_resources(trainable, {"cpu": setting.threads}),
            param_space={"candidate": tune.grid_search(list(range(len(backbones))))},
            run_config=tune.RunConfig(verbose=0, storage_path=folder, callbacks=[clock]),
        ).fit()
    ray.shutdown()
    rows = results.get_dataframe().set_index("config/candidate")
    return Reference(clock.ended - clock.began, tuple(rows["miou"].loc[range(len(backbones))]))


def _trainable(
    config: dict[str, Any], backbones: Sequence[Backbone], setting: Setting
) -> dict[str, float]:
    return {"miou": train(backbones[config["candidate"]], setting)}


def of_run(path: Path, threads: int) -> tuple[list[Backbone], Setting]:
    """The scored candidates of a run in their order, and how to train them."""
    run = RunDirectory.open(path)
    config = run.config()
    trials = Ledger.open(run.ledger, read_only=True).trials()
    found = [t.backbone for t in trials if t.kind == "candidate" and t.miou is not None]
    fidelity = build.fidelity(config.proxy, config.data)
    recipe = Recipe(**config.proxy.recipe.model_dump())
    data, sight = build.dataset(config, fidelity.size), config.proxy.sight
    return found, Setting(data, sight, fidelity, recipe, config.seed, threads)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.practitioner", description=__doc__)
    parser.add_argument("run", type=Path, help="folder of a finished search")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args(arguments)
    found = tuned(*of_run(given.run, given.threads))
    given.output.write_text(json.dumps(asdict(found)))


if __name__ == "__main__":
    # What Ray sends out must be known by its module's name: of __main__ it would pickle the code.
    from benchmarks import practitioner

    practitioner.main()
