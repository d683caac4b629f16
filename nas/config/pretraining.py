"""What ``nas pretrain`` is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from nas.config.data import DataConfig
from nas.config.merging import merged, with_set
from nas.settings.messages import first_line
from nas.settings.section import Section
from proxy_tasks.recipe import Recipe
from proxy_tasks.sight import Sight
from proxy_tasks.task import Fidelity
from search_space import scales
from search_space.errors import UserError
from search_space.scales import Scale

EPOCHS = 30
"""Where neither epochs nor hours are given."""


def _whole_scale(value: Any) -> Any:
    """A scale may be given by its name, or in part."""
    if isinstance(value, dict):
        return asdict(Scale()) | value
    try:
        return scales.named(value) if isinstance(value, str) else value
    except UserError as error:
        raise ValueError(str(error)) from None


class PretrainingConfig(Section):
    """``data``: a folder for each class, or with a ``teacher`` images at any depth; ``val`` to
    validate on, else ``held_out`` of each folder. The teacher is a pretrained encoder, with
    ``teacher_weights`` where it comes in no package, or a network of our own, and is learnt at
    ``levels`` (none: all that both have).

    ``size`` is [height, width] in pixels of the crops; images are seen just large enough to cover
    one. An epoch sees ``images`` crops, by default one of each image. ``weights`` or
    ``encoder_weights``: what to start from, see proxy_tasks.start. ``processes`` share each batch;
    several need Ray, which one does without."""

    data: Path
    val: Path | None = None
    held_out: float = Field(0.1, gt=0, lt=1)
    teacher: str | None = None
    teacher_weights: Path | None = None
    levels: tuple[int, ...] = ()
    epochs: int | None = Field(None, ge=1)
    hours: float | None = Field(None, gt=0)
    size: tuple[int, int] = (128, 128)
    scale: Annotated[Scale, BeforeValidator(_whole_scale)] = Scale()
    images: int | None = Field(None, ge=1)
    evaluate_every: int = Field(1, ge=0)
    recipe: Recipe = Recipe(batch_size=32, jitter=(1.0, 2.0))
    weights: Path | None = None
    encoder_weights: Path | None = None
    seed: int = Field(0, ge=0)
    engine: Literal["ray", "inline"] | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    processes: int = Field(1, ge=1)
    threads: int | None = Field(None, ge=1)
    cache: Path = DataConfig().cache

    @model_validator(mode="after")
    def _can_be_trained(self) -> Self:
        if self.epochs and self.hours:
            raise ValueError("epochs and hours: give one of them")
        if self.teacher is None and (self.levels or self.teacher_weights):
            raise ValueError("levels and teacher_weights: are of a teacher; give teacher, too")
        self.fidelity(self.epochs or 1, self.images)
        return self

    @property
    def sight(self) -> Sight:
        """How large images are seen."""
        return Sight(cover=self.size)

    def fidelity(self, epochs: int, images: int | None) -> Fidelity:
        """UserError, beginning with the key, for what is out of bounds."""
        return Fidelity(
            epochs, self.size, self.scale, evaluate_every=self.evaluate_every, images=images
        )


MOVABLE = (
    "data", "val", "teacher", "teacher_weights", "weights", "encoder_weights", "engine", "device",
    "processes", "threads", "cache",
)  # fmt: skip
"""May change when a pretraining goes on: files may lie elsewhere, and other machines may train."""


def parse(values: Mapping[str, Any], settings: Sequence[str] = ()) -> PretrainingConfig:
    """Plain values with ``KEY=VALUE`` settings over them.

    Raises:
        UserError: naming the key, and what may stand there.
    """
    default = PretrainingConfig(data=Path()).model_dump(mode="json", include={"scale", "recipe"})
    try:
        return PretrainingConfig.model_validate(with_set(merged(default, values), settings))
    except ValidationError as error:
        raise UserError(f"nas pretrain: {first_line(error, PretrainingConfig)}") from None
