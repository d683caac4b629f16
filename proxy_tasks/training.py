"""One bounded training run, resumable after any epoch. Proxies and full trainings share it.

Common random numbers: data order, augmentation, dropout and stochastic depth are drawn from streams
named by (seed, epoch), so every network of a run sees the same images in the same order, and a run
that is resumed after epoch k continues exactly as it would have.
Shapes: B batch, H height, W width of the images.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from proxy_tasks.augment import Augment, normalise
from proxy_tasks.averaging import WeightAverage
from proxy_tasks.datasets.packed import PackedSplit
from proxy_tasks.emphasis import Emphasis
from proxy_tasks.flat import FlatTensors
from proxy_tasks.loss import weighted_cross_entropy
from proxy_tasks.metrics import confusion, iou, mean_iou
from proxy_tasks.networks import DeepLabV3, channels_last
from proxy_tasks.networks.folding import folded
from proxy_tasks.networks.stochastic_depth import drop_paths
from proxy_tasks.networks.synchronised import synchronise
from proxy_tasks.optimizers import make_optimizer, make_schedule
from proxy_tasks.processes import ALONE, Group
from proxy_tasks.recipe import Recipe
from proxy_tasks.soft_metrics import SoftCounts
from proxy_tasks.upsampling import BandedUpsampling
from search_space.errors import UserError
from search_space.seeds import derive_seed


@dataclass(frozen=True)
class Evaluation:
    """``miou`` in [0, 1] over the classes that occur; ``loss`` in nats a pixel; None in
    ``class_iou`` for a class that neither occurs nor is predicted. ``soft_miou`` and
    ``balanced_loss``: see proxy_tasks.soft_metrics."""

    miou: float
    loss: float
    class_iou: tuple[float | None, ...]
    soft_miou: float
    balanced_loss: float


class DeviceSplit:
    """A packed split as uint8 tensors: shared pages on a CPU, resident on a GPU."""

    def __init__(self, split: PackedSplit, device: torch.device) -> None:
        self.images = torch.from_numpy(split.images).to(device)  # (N, H, W, 3)
        self.labels = torch.from_numpy(split.labels).to(device)  # (N, H, W)

    def __len__(self) -> int:
        return len(self.images)


class Training:
    """Trains ``network`` for ``epochs`` epochs on the first ``share`` of the training images.

    In a ``group`` each process takes an equal part of every micro-batch and makes the same steps,
    up to rounding those that one process alone would make: batches, augmentation and masks are
    drawn for the whole, and all means are over the whole.

    Raises:
        UserError: when a batch does not fit into the images there are, or a micro-batch does not
            divide among the processes.
    """

    def __init__(
        self,
        network: DeepLabV3,
        train: DeviceSplit,
        recipe: Recipe,
        epochs: int,
        seed: int,
        share: float = 1.0,
        group: Group = ALONE,
    ) -> None:
        self.recipe, self.epochs, self.seed = recipe, epochs, seed
        self.group = group
        group.divide(recipe)
        self.train = train
        self.images = max(1, round(len(train) * share))
        self.steps = self.images // recipe.batch_size
        if self.steps == 0:
            raise UserError(
                f"batch_size {recipe.batch_size} is more than the {self.images} training images"
            )
        self.device = train.images.device
        self.network = channels_last(network.to(self.device))
        self.average = WeightAverage(self.network, recipe.averaging)
        if recipe.drop_path:
            drop_paths(self.network.backbone, recipe.drop_path, group)
        if group.size > 1:
            synchronise(self.network, group)
        self._flat = FlatTensors(self.network)
        self._trained = self._flat.trainable()
        self.optimizer = make_optimizer(recipe, *self._trained)
        self.schedule = make_schedule(recipe, self.optimizer, epochs * self.steps)
        self.emphasis = Emphasis.of(
            recipe, train.labels[: self.images], network.classifier.out_channels
        )
        self.augment = Augment(scale=recipe.jitter, flip=recipe.flip, colour=recipe.colour)
        self.epoch = 0

    def run_epoch(self) -> float:
        """Train one epoch; returns its mean cross-entropy, which may be non-finite."""
        self.network.train()
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "epoch", self.epoch))
        torch.manual_seed(derive_seed(self.seed, "dropout", self.epoch))
        total = torch.zeros((), device=self.device)
        for index in self._batches(generator):
            total += self._step(index, generator)
        self.epoch += 1
        return self.group.total(total).item() / self.steps

    def evaluate(self, split: DeviceSplit, classes: int) -> Evaluation:
        """The averaged weights on every image of ``split``."""
        batch = self.recipe.micro_batch // self.group.size
        return evaluate(self.average.module, split, classes, batch, self.group)

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs; loads with ``torch.load(weights_only=True)``."""
        return {
            "epoch": self.epoch,
            "recipe": asdict(self.recipe),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of state_dict, for a Training made with the same arguments."""
        self.epoch = state["epoch"]
        for name in ("network", "average", "optimizer", "schedule"):
            getattr(self, name).load_state_dict(state[name])

    def _batches(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Indices of full batches in a fresh order; the ragged rest of an epoch is left out."""
        order = torch.randperm(self.images, generator=generator)
        return iter(order[: self.steps * self.recipe.batch_size].split(self.recipe.batch_size))

    def _step(self, index_B: Tensor, generator: torch.Generator) -> Tensor:
        """Learn from a batch; returns this process's share of its mean loss."""
        draws_B7 = self.augment.draw(len(index_B), generator)
        self.optimizer.zero_grad(set_to_none=False)  # the network's gradients are views of these
        loss = self._gradients(index_B, draws_B7)
        # All gradients lie in two long tensors, so two exchanges do for what DDP does in buckets
        # and hooks. What DDP gains on us, exchanging while the backward pass goes on, is little:
        # a network of 10 million weights has 40 MB, a millisecond over NVLink.
        for flat in self._trained:
            assert flat.grad is not None
            self.group.total(flat.grad)
        nn.utils.clip_grad_norm_(self._trained, self.recipe.clip)
        self.optimizer.step()
        self.schedule.step()
        self.average.update(self._flat)
        return loss

    def _gradients(self, index_B: Tensor, draws_B7: Tensor) -> Tensor:
        """Those of this process's share of the mean over the batch's pixels, which is returned."""
        if self.recipe.accumulate == 1:
            loss, _ = self._loss(index_B, draws_B7)
            loss.backward()
            return loss.detach()
        # Micro-batches differ in how many pixels count, and how many do is known of an OHEM's only
        # after the forward pass: so sums are added up, and divided in the end.
        loss, weight = torch.zeros(2, device=self.device)
        micro = self.recipe.micro_batch
        for index, draws in zip(index_B.split(micro), draws_B7.split(micro), strict=True):
            mean, pixels = self._loss(index, draws)
            part = mean * pixels
            part.backward()
            loss, weight = loss + part.detach(), weight + pixels
        weight = weight.clamp(min=1)
        for flat in self._trained:
            assert flat.grad is not None
            flat.grad /= weight
        return loss / weight

    def _loss(self, index: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        """Of this process's part of a micro-batch, see weighted_cross_entropy."""
        index, draws = self.group.share(index).to(self.device), self.group.share(draws)
        x_B3HW, y_BHW = self.augment.changed(
            self.train.images[index], self.train.labels[index], draws
        )
        with autocast(self.device, x_B3HW.shape[3]):
            low_logits = self.network.forward_low(x_B3HW)
        return weighted_cross_entropy(low_logits, y_BHW, emphasis=self.emphasis, group=self.group)


@torch.no_grad()
def evaluate(
    network: DeepLabV3,
    split: DeviceSplit,
    classes: int,
    batch_size: int,
    group: Group = ALONE,
) -> Evaluation:
    """Mean cross-entropy and IoU of ``network`` in evaluation, its batch norms folded; void
    pixels count in neither. Each process of a group takes its part of the images, and all come to
    the same figures. The network is left as it was."""
    network = folded(network)
    device = split.images.device
    counts = torch.zeros((classes, classes), dtype=torch.int64, device=device)
    soft = SoftCounts(classes, device)
    own = slice(group.rank, None, group.size)
    for images, labels in zip(
        split.images[own].split(batch_size), split.labels[own].split(batch_size), strict=True
    ):
        if not len(images):  # there are fewer images than processes
            continue
        with autocast(device, images.shape[2]):
            low_logits = network.forward_low(normalise(images))
        for logits, target in _by_bands(low_logits, labels):
            soft.add(logits, target)
            # Of the same pixels as argmax, which is ten times slower along any but the last axis.
            counts += confusion(logits.max(1).indices, target, classes)
    group.total(counts)
    soft.pool(group)
    ious = tuple(None if math.isnan(value) else value for value in iou(counts).tolist())
    return Evaluation(mean_iou(counts), soft.loss(), ious, soft.mean_iou(), soft.balanced_loss())


def _by_bands(low_logits_BKhw: Tensor, labels_BHW: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows of a batch at full resolution, band by band: logits_RKW and targets_RW, int64."""
    bands = BandedUpsampling(low_logits_BKhw, labels_BHW.shape[1:])
    for band in bands:
        target = labels_BHW[band.images, band.rows].flatten(0, 1).long()
        yield bands.up(band).flatten(0, 1), target


ONEDNN_WIDTH = 64
"""Up to this width of an image, maps of level 6 have one column."""


def autocast(device: torch.device, width: int) -> torch.autocast:
    """bf16 where the device computes it natively, else fp32 (emulated bf16 is slower).

    A CPU computes images of up to 64 pixels' ``width`` in fp32: in bf16, oneDNN's weight gradient
    of a 3x3 convolution with stride 2 on a map of one column is what happens to lie in memory
    (torch 2.13 on AVX512-BF16, whatever the channels, rows and batch).
    """
    enabled = has_bf16(device) and (device.type != "cpu" or width > ONEDNN_WIDTH)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        flags = torch.cpu.get_capabilities()
        return bool(flags.get("avx512_bf16") or flags.get("amx_bf16") or flags.get("bf16"))
    return False
