"""One bounded training run, resumable after any epoch. Proxies and full trainings share it.

Common random numbers: data order, augmentation and dropout are drawn from streams named by
(seed, epoch), so every network of a run sees the same images in the same order, and a run that
is resumed after epoch k continues exactly as it would have.
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
from proxy_tasks.flat import FlatTensors
from proxy_tasks.loss import upsampled_cross_entropy
from proxy_tasks.metrics import confusion, iou, mean_iou
from proxy_tasks.networks import DeepLabV3, channels_last
from proxy_tasks.networks.folding import folded
from proxy_tasks.soft_metrics import SoftCounts
from proxy_tasks.upsampling import BandedUpsampling
from search_space.errors import UserError
from search_space.seeds import derive_seed


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: AdamW under a one-cycle schedule, clipped gradients, and an
    exponential average of the weights, which is what is evaluated.

    ``learning_rate`` is the peak, reached after ``warm_up`` of the steps; ``averaging`` is the
    decay of the average per step, itself warmed up; ``clip`` bounds the gradient's norm; ``jitter``
    bounds the scale of the random resize, ``colour`` the relative change of brightness, contrast
    and saturation, ``flip`` is the chance of a mirror image.

    Raises:
        UserError: for a batch below 2 (batch normalisation needs two) or a rate out of range.
    """

    batch_size: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warm_up: float = 0.2
    clip: float = 1.0
    averaging: float = 0.98
    jitter: tuple[float, float] = (0.75, 1.5)
    colour: float = 0.2
    flip: float = 0.5

    def __post_init__(self) -> None:
        if self.batch_size < 2:
            raise UserError(f"batch_size must be at least 2 but got {self.batch_size}")
        if not self.learning_rate > 0:
            raise UserError(f"learning_rate must be positive but got {self.learning_rate}")
        for name in ("warm_up", "averaging"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"{name} must be in [0, 1) but got {getattr(self, name)}")


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

    Raises:
        UserError: when a batch does not fit into the images there are.
    """

    def __init__(
        self,
        network: DeepLabV3,
        train: DeviceSplit,
        recipe: Recipe,
        epochs: int,
        seed: int,
        share: float = 1.0,
    ) -> None:
        self.recipe, self.epochs, self.seed = recipe, epochs, seed
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
        self._flat = FlatTensors(self.network)
        self._trained = self._flat.trainable()
        self.optimizer = torch.optim.AdamW(
            _decayed_groups(*self._trained, recipe.weight_decay),
            lr=recipe.learning_rate,
            fused=self.device.type in ("cpu", "cuda"),
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            max_lr=recipe.learning_rate,
            total_steps=epochs * self.steps,
            pct_start=recipe.warm_up,
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
        return total.item() / self.steps

    def evaluate(self, split: DeviceSplit, classes: int) -> Evaluation:
        """The averaged weights on every image of ``split``."""
        return evaluate(self.average.module, split, classes, self.recipe.batch_size)

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

    def _step(self, index: Tensor, generator: torch.Generator) -> Tensor:
        index = index.to(self.device)
        x_B3HW, y_BHW = self.augment(self.train.images[index], self.train.labels[index], generator)
        with autocast(self.device):
            low_logits = self.network.forward_low(x_B3HW)
        loss = upsampled_cross_entropy(low_logits, y_BHW)
        self.optimizer.zero_grad(set_to_none=False)  # the network's gradients are views of these
        loss.backward()
        nn.utils.clip_grad_norm_(self._trained, self.recipe.clip)
        self.optimizer.step()
        self.schedule.step()
        self.average.update(self._flat)
        return loss.detach()


@torch.no_grad()
def evaluate(network: DeepLabV3, split: DeviceSplit, classes: int, batch_size: int) -> Evaluation:
    """Mean cross-entropy and IoU of ``network`` in evaluation, its batch norms folded; void
    pixels count in neither. The network is left as it was."""
    network = folded(network)
    device = split.images.device
    counts = torch.zeros((classes, classes), dtype=torch.int64, device=device)
    soft = SoftCounts(classes, device)
    for images, labels in zip(
        split.images.split(batch_size), split.labels.split(batch_size), strict=True
    ):
        with autocast(device):
            low_logits = network.forward_low(normalise(images))
        for logits, target in _by_bands(low_logits, labels):
            soft.add(logits, target)
            # Of the same pixels as argmax, which is ten times slower along any but the last axis.
            counts += confusion(logits.max(1).indices, target, classes)
    ious = tuple(None if math.isnan(value) else value for value in iou(counts).tolist())
    return Evaluation(mean_iou(counts), soft.loss(), ious, soft.mean_iou(), soft.balanced_loss())


def _by_bands(low_logits_BKhw: Tensor, labels_BHW: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows of a batch at full resolution, band by band: logits_RKW and targets_RW, int64."""
    bands = BandedUpsampling(low_logits_BKhw, labels_BHW.shape[1:])
    for band in bands:
        target = labels_BHW[band.images, band.rows].flatten(0, 1).long()
        yield bands.up(band).flatten(0, 1), target


def autocast(device: torch.device) -> torch.autocast:
    """bf16 where the device computes it natively, else fp32 (emulated bf16 is slower)."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=has_bf16(device))


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        flags = torch.cpu.get_capabilities()
        return bool(flags.get("avx512_bf16") or flags.get("amx_bf16") or flags.get("bf16"))
    return False


def _decayed_groups(
    weights: nn.Parameter, vectors: nn.Parameter, weight_decay: float
) -> list[dict[str, Any]]:
    """Weight decay on convolutions only: not on biases and normalisation."""
    return [
        {"params": [weights], "weight_decay": weight_decay},
        {"params": [vectors], "weight_decay": 0.0},
    ]
