"""What full trainings have learnt, class by class, and what to change where they miss classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError
from nas.config import PromotionConfig, RecipeConfig
from nas.runs.evaluations import Evaluation
from nas.runs.promotion_records import Promotion
from proxy_tasks.datasets.packed import PackedData
from results.learnt import Learnt, learnt

_WEIGHING = {"balance": "true", "rare": "0.3", "dice": "1"}
"""Options of the recipe that see to rare classes, each with a value to begin with."""


@dataclass(frozen=True)
class Truth:
    """What the labels that a training is validated on hold: ``shares`` of the pixels by class.
    ``folds``: how many the data are validated in, None where val is a part of its own."""

    classes: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    folds: int | None = None

    @classmethod
    def of(cls, data: PackedData) -> Truth:
        """Of a packed data set."""
        pixels = data.val.counts.sum(0)
        folds = max(data.folds) + 1 if data.folds else None
        return cls(data.classes, tuple((pixels / max(1, pixels.sum())).tolist()), folds)


@dataclass(frozen=True)
class Figures:
    """What is known of a network by class. ``where``: empty on the images that it was validated on;
    of one that was trained on all images ``test``, or else ``proxy``: what that had."""

    classes: tuple[str, ...]
    class_iou: tuple[float | None, ...]
    shares: tuple[float, ...]
    where: Literal["", "test", "proxy"] = ""

    @property
    def learnt(self) -> Learnt:
        """In words."""
        return learnt(self.classes, self.class_iou, self.shares)


def figures(promotion: Promotion, test: Evaluation | None = None) -> Figures | None:
    """None where nobody wrote anything down. ``test`` is its evaluation on the test part."""
    classes, shares = promotion.classes, promotion.shares
    if promotion.class_iou:
        return Figures(classes, promotion.class_iou, shares)
    if test is not None and promotion.unvalidated:
        scores = test.scores.classes
        ious = tuple(each.iou for each in scores.values())
        return Figures(tuple(scores), ious, tuple(each.share for each in scores.values()), "test")
    if len(promotion.proxy_class_iou) == len(classes) and promotion.unvalidated:
        return Figures(classes, promotion.proxy_class_iou, shares, "proxy")
    return None


def flaw(known: Figures | None) -> str:
    """What a network misses, to follow its name; empty where nothing is missed or known."""
    words = known.learnt.words if known else ""
    if not known or not words:
        return ""
    before = {"": "", "test": "on the test part ", "proxy": "was chosen by a proxy that "}
    return before[known.where] + words


def warning(promotion: Promotion, test: Evaluation | None = None) -> str | None:
    """The same as a sentence, and what to change. None where there is nothing to warn of."""
    known = figures(promotion, test)
    said = flaw(known)
    return f"{promotion.name} {said}. {advice(promotion, known)}" if known and said else None


def advice(promotion: Promotion, known: Figures) -> str:
    """What its settings leave to be done for classes that are not found. KEY=VALUE is what goes
    after --set."""
    used = _settings(promotion)
    ways = [f"Train longer (promotion.epochs above {used.epochs}, or promotion.images)"]
    if finer := _finer(used):
        ways.append(f"at a finer resolution ({finer})")
    if _misses_rare(known) and (weighing := _weighing(used.recipe)):
        ways.append(f"weigh rare classes ({weighing})")
    return " or ".join([", ".join(ways[:-1]), ways[-1]] if len(ways) > 1 else ways) + "."


def _settings(promotion: Promotion) -> PromotionConfig:
    """Those of the defaults where a record of another version has settings that are none here."""
    try:
        return PromotionConfig.model_validate(promotion.settings)
    except ValidationError:
        return PromotionConfig()


def _finer(used: PromotionConfig) -> str:
    """Empty where images are seen as they are."""
    resolution = used.resolution
    if resolution is None:
        return "promotion.resolution={factor: 1}"
    if resolution.short_side is not None:
        return f"promotion.resolution.short_side above {resolution.short_side}"
    factor = resolution.factor or 1.0
    return f"promotion.resolution.factor above {factor:g}" if factor < 1 else ""


def _misses_rare(known: Figures) -> bool:
    """Whether a class that is missed has less than its part of the pixels."""
    shares = dict(zip(known.classes, known.shares, strict=False))
    return any(shares.get(name, 0.0) < 1 / len(known.classes) for name in known.learnt.missed)


def _weighing(recipe: RecipeConfig) -> str:
    """What is not switched on yet."""
    off = [name for name in _WEIGHING if not getattr(recipe, name)]
    return ", ".join(f"promotion.recipe.{name}={_WEIGHING[name]}" for name in off)
