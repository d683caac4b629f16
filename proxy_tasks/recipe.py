"""How a network is trained. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from search_space.errors import UserError

OptimizerName = Literal["adamw", "sgd"]
ScheduleName = Literal["one-cycle", "cosine", "poly"]


@dataclass(frozen=True)
class Recipe:
    """By default AdamW under a one-cycle schedule, clipped gradients, and an exponential average of
    the weights, which is what is evaluated.

    ``learning_rate`` is the peak, reached after ``warm_up`` of the steps; ``averaging`` is the
    decay of the average per step, itself warmed up; ``clip`` bounds the gradient's norm; ``jitter``
    bounds the scale of the random resize, ``colour`` the relative change of brightness, contrast
    and saturation, ``flip`` is the chance of a mirror image.

    ``momentum`` is that of ``sgd``; ``power`` that of the ``poly`` schedule. With ``balance`` rare
    classes weigh more; with ``ohem`` only hard pixels count, but at least ``ohem_keep`` of them:
    see proxy_tasks.emphasis.

    ``upside_down`` is the chance of a mirror image top to bottom, ``turn`` of one by the diagonal,
    for images without an up; a share ``rare`` of the crops is placed on classes drawn alike (see
    proxy_tasks.augment). ``dice`` is the weight of a soft Dice loss beside the cross-entropy, see
    proxy_tasks.loss.

    With ``accumulate`` above 1 the gradients of a batch are those of so many micro-batches, one
    after the other: ``batch_size`` stays what a step learns from. ``drop_path`` is the chance that
    the last residual block of the backbone is left out, see proxy_tasks.networks.stochastic_depth.

    Raises:
        UserError: for a micro-batch below 2 (batch normalisation needs two) or of no whole number
            of images, a name that is none or a rate out of range.
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
    optimizer: OptimizerName = "adamw"
    momentum: float = 0.9
    schedule: ScheduleName = "one-cycle"
    power: float = 0.9
    balance: bool = False
    ohem: float | None = None
    ohem_keep: float = 0.0625
    accumulate: int = 1
    drop_path: float = 0.0
    upside_down: float = 0.0
    turn: float = 0.0
    rare: float = 0.0
    dice: float = 0.0

    def __post_init__(self) -> None:
        if self.batch_size < 2:
            raise UserError(f"batch_size must be at least 2 but got {self.batch_size}")
        if self.accumulate < 1 or self.batch_size % self.accumulate:
            raise UserError(
                f"accumulate must divide batch_size {self.batch_size} but got {self.accumulate}"
            )
        if self.micro_batch < 2:
            raise UserError(
                f"accumulate {self.accumulate} leaves micro-batches of {self.micro_batch} image"
                f" of a batch_size of {self.batch_size}; batch normalisation needs 2"
            )
        for name in ("learning_rate", "power"):
            if not getattr(self, name) > 0:
                raise UserError(f"{name} must be positive but got {getattr(self, name)}")
        for name in ("warm_up", "averaging", "momentum", "drop_path"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"{name} must be in [0, 1) but got {getattr(self, name)}")
        for name in ("upside_down", "turn", "rare"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{name} must be in [0, 1] but got {getattr(self, name)}")
        if not self.dice >= 0:
            raise UserError(f"dice must be 0 or more but got {self.dice}")
        for name in ("ohem", "ohem_keep"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 1:
                raise UserError(f"{name} must be in (0, 1] but got {value}")
        for name, known in (("optimizer", OptimizerName), ("schedule", ScheduleName)):
            if getattr(self, name) not in get_args(known):
                allowed = ", ".join(get_args(known))
                raise UserError(f"{name} must be one of {allowed} but got {getattr(self, name)!r}")

    @property
    def micro_batch(self) -> int:
        """Images that go through the network at once."""
        return self.batch_size // self.accumulate
