"""The loop of every bounded training run, resumable after any epoch; what is learnt is another's.

Common random numbers: data order, augmentation, dropout and stochastic depth are drawn from streams
named by (seed, epoch), so every network of a run sees the same images in the same order, and a run
that is resumed after epoch k continues exactly as it would have.
Shapes: B batch, H height, W width of the images.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Generic, Protocol, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn

from proxy_tasks.augment import Augment
from proxy_tasks.averaging import WeightAverage
from proxy_tasks.crops import Crops
from proxy_tasks.device_split import DeviceSplit
from proxy_tasks.flat import FlatTensors
from proxy_tasks.intensities import NATURAL, Intensities
from proxy_tasks.networks import channels_last
from proxy_tasks.networks.blocks import Encoder
from proxy_tasks.networks.stochastic_depth import drop_paths
from proxy_tasks.networks.synchronised import synchronise
from proxy_tasks.optimizers import make_optimizer, make_schedule
from proxy_tasks.processes import ALONE, Group
from proxy_tasks.recipe import Recipe
from search_space.errors import UserError
from search_space.seeds import derive_seed

Network = TypeVar("Network", bound=nn.Module)


class OnBackbone(Protocol):
    """What is needed of a network beside that it is a module."""

    backbone: Encoder


class TrainingLoop(ABC, Generic[Network]):
    """Trains ``network`` for ``epochs`` epochs on crops of ``size`` out of ``train``.

    An epoch sees ``images`` crops; None: one of each image. ``chosen`` are the numbers of the
    images that may be looked at, None: all. In a ``group`` each process takes an equal part of
    every micro-batch and makes the same steps, up to rounding those that one process alone would
    make: batches, augmentation and masks are drawn for the whole, and all means are over the whole.
    What is ``beside`` learns too, at the same rate; it is kept for a resume, and no part of the
    network or its average.

    Raises:
        UserError: when a batch does not fit into an epoch, or a micro-batch does not divide among
            the processes.
    """

    def __init__(
        self,
        network: Network,
        train: DeviceSplit,
        recipe: Recipe,
        epochs: int,
        seed: int,
        size: tuple[int, int],
        *,
        images: int | None = None,
        chosen: Sequence[int] | None = None,
        intensities: Intensities = NATURAL,
        group: Group = ALONE,
        beside: nn.Module | None = None,
    ) -> None:
        self.recipe, self.epochs, self.seed = recipe, epochs, seed
        self.group = group
        group.divide(recipe)
        self.chosen = np.arange(len(train)) if chosen is None else np.array(chosen)
        self.images = images or len(self.chosen)
        self.steps = self.images // recipe.batch_size
        if self.steps == 0:
            raise UserError(
                f"batch_size {recipe.batch_size} is more than the {self.images} training images"
            )
        self.device = train.device
        self.network = channels_last(network.to(self.device))
        self.average = WeightAverage(self.network, recipe.averaging)
        if recipe.drop_path:
            drop_paths(cast(OnBackbone, self.network).backbone, recipe.drop_path, group)
        if group.size > 1:
            synchronise(self.network, group)
        self._flat = FlatTensors(self.network)
        self._own = self._flat.trainable()
        self.beside = beside
        also: tuple[nn.Parameter, ...] = ()
        if beside is not None:
            alike = next(iter(self.network.parameters()))
            also = FlatTensors(channels_last(beside.to(alike.device, alike.dtype))).trainable()
        self._trained = (*self._own, *also)
        self.optimizer = make_optimizer(recipe, *self._own, beside=also)
        self.schedule = make_schedule(recipe, self.optimizer, epochs * self.steps)
        self.augment = Augment(
            scale=recipe.jitter,
            flip=recipe.flip,
            colour=recipe.colour,
            upside_down=recipe.upside_down,
            turn=recipe.turn,
            rare=recipe.rare,
        )
        self.crops = Crops(train, size, self.augment, intensities, self.chosen)
        self.epoch = 0

    def run_epoch(self) -> float:
        """Train one epoch; returns its mean loss, which may be non-finite."""
        self.network.train()
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "epoch", self.epoch))
        torch.manual_seed(derive_seed(self.seed, "dropout", self.epoch))
        # In double precision: summed in single, a mean over an epoch differs between processors.
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for index in self._batches(generator):
            total += self._step(index, generator)
        self.epoch += 1
        return self.group.total(total).item() / self.steps

    def state_dict(self) -> dict[str, Any]:
        """All that a resumed run needs; loads with ``torch.load(weights_only=True)``."""
        return {
            "epoch": self.epoch,
            "recipe": asdict(self.recipe),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
        } | ({} if self.beside is None else {"beside": self.beside.state_dict()})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of state_dict, for a Training made with the same arguments."""
        self.epoch = state["epoch"]
        for name in ("network", "average", "schedule"):
            getattr(self, name).load_state_dict(state[name])
        if self.beside is not None:
            self.beside.load_state_dict(state["beside"])
        kept = state["optimizer"]
        own = {n: each for n, each in kept["state"].items() if n < len(self._own)}
        moments = self._flat.reordered({**kept, "state": own}, list(state["network"]))
        moments["state"] = {**kept["state"], **moments["state"]}
        self.optimizer.load_state_dict(moments)

    def _batches(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Numbers of the images of full batches in a fresh order; the ragged rest of an epoch is
        left out. An image comes again when all others have come as often."""
        wanted, there = self.steps * self.recipe.batch_size, len(self.chosen)
        rounds = range(-(-wanted // there))
        order = torch.cat([torch.randperm(there, generator=generator) for _ in rounds])
        numbers = torch.from_numpy(self.chosen)[order[:wanted]]
        return iter(numbers.split(self.recipe.batch_size))

    def _step(self, index_B: Tensor, generator: torch.Generator) -> Tensor:
        """Learn from a batch; returns this process's share of its mean loss."""
        draws = self.augment.draw(len(index_B), generator)
        self.optimizer.zero_grad(set_to_none=False)  # the network's gradients are views of these
        loss = self._gradients(index_B, draws)
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

    def _gradients(self, index_B: Tensor, draws: Tensor) -> Tensor:
        """Those of this process's share of the mean over the batch's pixels, which is returned."""
        if self.recipe.accumulate == 1:
            loss, _ = self._loss(index_B, draws)
            loss.backward()
            return loss.detach()
        # Micro-batches differ in how many pixels count, and how many do is known of an OHEM's only
        # after the forward pass: so sums are added up, and divided in the end.
        loss, weight = torch.zeros(2, device=self.device)
        micro = self.recipe.micro_batch
        for index, drawn in zip(index_B.split(micro), draws.split(micro), strict=True):
            mean, pixels = self._loss(index, drawn)
            part = mean * pixels
            part.backward()
            loss, weight = loss + part.detach(), weight + pixels
        weight = weight.clamp(min=1)
        for flat in self._trained:
            assert flat.grad is not None
            flat.grad /= weight
        return loss / weight

    @abstractmethod
    def _loss(self, index: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        """This process's share of the mean loss over a micro-batch, and by how much the whole
        micro-batch counts beside the others of its batch."""
