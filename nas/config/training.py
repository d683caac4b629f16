"""The sections of trainings: ``proxy``, the short one, and ``promotion``, the full one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from nas.config.teacher import TeacherConfig
from nas.settings.section import Section
from nas.settings.words import shown
from proxy_tasks.objectives import SCORES
from proxy_tasks.recipe import Recipe
from proxy_tasks.sight import Sight
from proxy_tasks.task import Fidelity
from search_space.heads import HEADS, SEGMENTING
from search_space.scales import SCALES, Scale

SMALL = Scale(0.25, endpoint_filters=64, aspp_filters=64)
"""What a training has that names no scale, and what a scale has that is given in part."""


def _whole_scale(value: Any) -> Any:
    """A scale may be given by its name."""
    if isinstance(value, dict):
        whole = asdict(SMALL) | value
        _check_head(whole["head"])
        return whole
    if not isinstance(value, str):
        return value
    scales = {name: scale for name, scale in SCALES.items() if HEADS[scale.head].pixels}
    if value not in scales:
        raise ValueError(f"no scale is called {value!r}; there are {', '.join(scales)}")
    return scales[value]


def _check_head(head: Any) -> None:
    """ImageNet's classifier segments nothing."""
    if head not in SEGMENTING:
        raise ValueError(f"head must be one of {', '.join(SEGMENTING)}, not {shown(head)}")


class ResolutionConfig(Section):
    """See proxy_tasks.sight.Sight: one of a ``factor`` of an image's own pixels, and a
    ``short_side`` in pixels."""

    factor: float | None = Field(None, gt=0, le=16)
    short_side: int | None = Field(None, ge=16)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.factor is None) == (self.short_side is None):
            raise ValueError("give one of factor and short_side")
        return self


class TrainingConfig(Section):
    """One fidelity and the recipe that goes with it. ``size`` is [height, width] in pixels of the
    crops that it trains on; ``resolution`` says how large images are seen, by default so that they
    just cover a crop; an epoch sees ``images`` crops, by default one of each image; with a
    ``teacher`` every network learns from it, too."""

    epochs: int = 8
    size: tuple[int, int] = (96, 128)
    scale: Annotated[Scale, BeforeValidator(_whole_scale)] = SMALL
    share: float = 1.0
    evaluate_every: int = 0
    recipe: Recipe = Recipe()
    resolution: ResolutionConfig | None = None
    images: int | None = None
    teacher: TeacherConfig | None = None

    @model_validator(mode="after")
    def _can_be_trained(self) -> Self:
        self.fidelity(self._folds_named)
        return self

    @property
    def _folds_named(self) -> int:
        """The fewest that the data may have."""
        return 1

    def fidelity(self, folds: int = 1) -> Fidelity:
        """As the tasks take it. UserError, beginning with the key, for what is out of bounds."""
        return Fidelity(
            epochs=self.epochs,
            size=self.size,
            scale=self.scale,
            share=self.share,
            evaluate_every=self.evaluate_every,
            images=self.images,
            folds=folds,
        )

    @property
    def sight(self) -> Sight:
        """How large images are seen."""
        if self.resolution is None:
            return Sight(cover=self.size)
        return Sight(**self.resolution.model_dump(), window=self.size)

    def identity(self, *leave_out: str, teacher: Sequence[str] = ()) -> dict[str, Any]:
        """Plain values that are equal for equal trainings, also with records of programs that did
        not have all options yet: those that came later are left out at their defaults.

        Args:
            teacher: the digest of each of its networks, which counts instead of where it lies.
        """
        values = self.model_dump(mode="json", exclude=set(leave_out))
        if self.teacher:
            values["teacher"]["from"] = list(teacher)
            if not self.teacher.features:  # as records have it from before there were any
                del values["teacher"]["features"]
        return _as_first_recorded(values, type(self)().model_dump(mode="json"))


_FIRST = frozenset((
    "epochs", "size", "scale", "share", "evaluate_every", "recipe", "score", "asha", "top",
    "processes",
    "filters", "alpha", "repeats", "endpoint_filters", "aspp_filters", "head",
    "batch_size", "learning_rate", "weight_decay", "warm_up", "clip", "averaging", "jitter",
    "colour", "flip",
))  # fmt: skip
"""Options of trainings, scales and recipes that the first records have. Nothing is ever added."""


def _as_first_recorded(values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for name, value in values.items():
        if name in ("recipe", "scale"):
            found[name] = _as_first_recorded(value, defaults[name])
        elif name in _FIRST or value != defaults[name]:
            found[name] = value
    return found


class HalvingConfig(Section):
    """See nas.engines.halving.Halving."""

    grace_period: int = Field(1, ge=1)
    reduction_factor: int = Field(3, ge=2)


_Score: Any = Literal[tuple(SCORES)]


class ProxyConfig(TrainingConfig):
    """The short training. ``score`` is what the search goes by, see proxy_tasks.objectives;
    with ``asha`` trainings that fall behind are stopped early; ``held_out`` are the numbers of the
    data's folds that have their turn (None: all)."""

    score: _Score = "miou"
    asha: HalvingConfig | None = None
    held_out: tuple[int, ...] | None = None

    def fidelity(self, folds: int = 1) -> Fidelity:
        """With the folds that are held out. UserError for others than there are."""
        return replace(super().fidelity(folds), held_out=self.held_out)

    @property
    def _folds_named(self) -> int:
        return 1 if self.held_out is None else max(2, 1 + max(self.held_out, default=0))


class PromotionConfig(TrainingConfig):
    """Full training. ``top`` trials are promoted at the end of a search (0: none), and with them
    these ``rivals``, entries of the catalogue, for comparison. It ends early
    after ``patience`` validations in a row without a better mIoU (0: never). ``processes`` share
    each batch of it; each has ``threads`` on a CPU, by default as many as there are cores left. It
    starts from the ``weights`` of a file, see proxy_tasks.start."""

    top: int = Field(0, ge=0)
    rivals: tuple[str, ...] = ()
    epochs: int = 60
    evaluate_every: int = 5
    patience: int = 0
    processes: int = Field(1, ge=1)
    threads: int | None = Field(None, ge=1)
    weights: Path | None = None

    def fidelity(self, folds: int = 1) -> Fidelity:
        """With its patience."""
        return replace(super().fidelity(folds), patience=self.patience)


class FinalTraining(ProxyConfig):
    """Full training cut short, and scored as a proxy is; ``weights``: see PromotionConfig."""

    weights: Path | None = None


class FinalsConfig(Section):
    """Between the search and full training, so many of the best ``candidates`` (0: none) and the
    promotion's rivals are trained as a promotion is, but for ``epochs`` of ``images`` crops, their
    weights averaged with this decay, on what the search chooses by. The best of them is promoted.
    ``held_out`` as ProxyConfig has it."""

    candidates: int = Field(0, ge=0)
    epochs: int = Field(8, ge=1)
    images: int | None = Field(None, ge=1)
    averaging: float | None = Field(None, ge=0, lt=1)
    held_out: tuple[int, ...] | None = None

    def training(self, promotion: PromotionConfig, score: str) -> FinalTraining:
        """What finalists get, scored by ``score``. UserError where that is no training."""
        shared = {name: getattr(promotion, name) for name in TrainingConfig.model_fields}
        recipe = promotion.recipe
        if self.averaging is not None:
            recipe = replace(recipe, averaging=self.averaging)
        own = {
            "epochs": self.epochs,
            "images": self.images or promotion.images,
            "evaluate_every": 0,
            "recipe": recipe,
            "score": score,
            "held_out": self.held_out,
            "weights": promotion.weights,
        }
        return FinalTraining(**shared | own)
