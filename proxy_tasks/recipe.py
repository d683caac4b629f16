"""How a network is trained. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from search_space.bounds import (
    AtLeastOne,
    Bound,
    Chance,
    NotNegative,
    Positive,
    Rate,
    Share,
    check,
)
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

    A network on an encoder begins with the encoder's ``pretrained`` weights, which learn at
    ``encoder_rate`` times the rate of the others; at 0 they stay as they are.

    Raises:
        UserError: beginning with the name of a field, for one that is out of its bounds, a jitter
            that falls, a micro-batch below 2 or of no whole number of images, or an unknown name.
    """

    batch_size: Annotated[int, Bound(least=2)] = 16  # batch normalisation needs two
    learning_rate: Positive = 2e-3
    weight_decay: NotNegative = 1e-2
    warm_up: Rate = 0.2
    clip: Positive = 1.0
    averaging: Rate = 0.98
    jitter: tuple[Positive, Positive] = (0.75, 1.5)
    colour: Rate = 0.2
    flip: Chance = 0.5
    optimizer: OptimizerName = "adamw"
    momentum: Rate = 0.9
    schedule: ScheduleName = "one-cycle"
    power: Positive = 0.9
    balance: bool = False
    ohem: Share | None = None
    ohem_keep: Share = 0.0625
    accumulate: AtLeastOne = 1
    drop_path: Rate = 0.0
    upside_down: Chance = 0.0
    turn: Chance = 0.0
    rare: Chance = 0.0
    dice: NotNegative = 0.0
    pretrained: bool = True
    encoder_rate: NotNegative = 0.1

    def __post_init__(self) -> None:
        check(self)
        low, high = self.jitter
        if low > high:
            raise UserError(f"jitter must rise, as in [0.75, 1.5], not [{low}, {high}]")
        if self.batch_size % self.accumulate:
            raise UserError(
                f"accumulate must divide batch_size {self.batch_size}, not be {self.accumulate}"
            )
        if self.micro_batch < 2:
            raise UserError(
                f"accumulate {self.accumulate} leaves micro-batches of {self.micro_batch} image"
                f" of a batch_size of {self.batch_size}; batch normalisation needs 2"
            )
        for name, known in (("optimizer", OptimizerName), ("schedule", ScheduleName)):
            if getattr(self, name) not in get_args(known):
                allowed = ", ".join(get_args(known))
                raise UserError(f"{name} must be one of {allowed}, not {getattr(self, name)!r}")

    @property
    def micro_batch(self) -> int:
        """Images that go through the network at once."""
        return self.batch_size // self.accumulate
