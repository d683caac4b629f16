"""The record of a full training that has ended: ``promotions/NAME/promotion.json``."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from nas.runs.directory import RunDirectory
from proxy_tasks.task import Measurement
from results import units
from search_space.errors import UserError
from search_space.fields import short
from search_space.files import replacing, sha256

RECORD = "promotion.json"
"""What makes a folder that of a promotion that has ended."""

LABELS = "labels.png"
"""Predicted label maps beside the truth (nas.prediction.pictures), in a promotion's folder."""


@dataclass(frozen=True)
class Promotion:
    """A full training that has ended. ``miou`` is the best on the validation split, at ``epoch``,
    and ``class_iou`` that of each of the ``classes``, of which ``shares`` of the pixels are;
    ``last`` is the measurement after the last epoch; None weights: it never got so far; ``digest``
    is the SHA-256 of their file, where the record says it; None trial: a baseline that the run's
    search never scored.

    One of data that are validated in ``folds`` was trained on all images: it has no ``miou``, as
    none was left to validate on, and the weights of its last epoch. What chose it is the
    ``final_miou`` that it had in the finals, or the proxy's ``proxy_miou``, of the folds. Records of
    before do not say anything of classes.
    """

    name: str
    trial: int | None
    key: str
    seed: int
    proxy_miou: float | None
    miou: float | None
    epoch: int | None
    last: Measurement
    weights: Path | None
    digest: str | None
    settings: dict[str, Any]
    classes: tuple[str, ...] = ()
    class_iou: tuple[float | None, ...] = ()
    shares: tuple[float, ...] = ()
    proxy_class_iou: tuple[float | None, ...] = ()
    folds: int | None = None
    final_miou: float | None = None

    @property
    def unvalidated(self) -> bool:
        """Whether it was trained on all images, to its end."""
        ended = self.weights is not None and self.last.failure is None
        return self.folds is not None and ended and self.miou is None

    @property
    def taught(self) -> bool:
        """Whether it learnt from a teacher too."""
        return bool(self.settings.get("teacher"))

    @property
    def scores(self) -> dict[str, Any]:
        """The provenance that is written into its exports."""
        if not self.unvalidated:
            return {"promoted_miou": self.miou, "epoch": self.epoch}
        return {"promoted_miou": None, "epoch": self.last.epochs, "proxy_folds": self.folds}

    @property
    def note(self) -> str | None:
        """Why it has no mIoU, where that is not a failure."""
        if not self.unvalidated:
            return None
        what, chosen = "in the finals it", self.final_miou
        if chosen is None:
            what, chosen = "its proxy", self.proxy_miou
        on = "" if chosen is None else f"; {what} scored {_percent(chosen)} on images held out"
        return f"trained on all images, so none was left to validate on{on}"

    def check_weights(self) -> None:
        """UserError where the weights are gone, or are not those that the training ended with."""
        if self.weights is None:
            return
        if not self.weights.is_file():
            raise UserError(f"{self.weights}: gone; {self._again(self.weights)}")
        if self.digest not in (None, sha256(self.weights)):
            raise UserError(
                f"{self.weights}: not the weights that the training ended with, by the digest in"
                f" {RECORD}; {self._again(self.weights)}"
            )

    def _again(self, weights: Path) -> str:
        """What to do without them."""
        what = f"--baseline {self.name}" if self.trial is None else f"--trial {self.trial}"
        run = shlex.quote(str(weights.absolute().parents[2]))
        return f"put them back, or train again: nas promote {run} {what} --label again"

    @property
    def recipe(self) -> str:
        """The same where two were trained alike, whatever the network and the seed."""
        return json.dumps(self.settings, sort_keys=True)


def load_all(run: RunDirectory) -> list[Promotion]:
    """The promotions that have ended, best first; those that were trained on all images by what
    their proxies scored."""
    found = [load(path.parent) for path in sorted(run.promotions.glob(f"*/{RECORD}"))]
    return sorted(found, key=_standing, reverse=True)


def _standing(each: Promotion) -> tuple[float, bool, float]:
    return each.miou or 0.0, each.unvalidated, each.proxy_miou or 0.0


@dataclass(frozen=True)
class OverSeeds:
    """One network under one recipe, trained with ``count`` seeds: mean and standard deviation of
    the best mIoU, None of a single one."""

    name: str
    count: int
    miou: float
    deviation: float | None

    @classmethod
    def of(cls, group: Sequence[Promotion]) -> OverSeeds:
        """Of trainings that only the seed tells apart."""
        mious = [each.miou for each in group if each.miou is not None]
        deviation = stdev(mious) if len(mious) > 1 else None
        return cls(min(each.name for each in group), len(mious), fmean(mious), deviation)


def over_seeds(promotions: Iterable[Promotion]) -> list[OverSeeds]:
    """Best first; without those that came to no mIoU."""
    found = [OverSeeds.of(group) for group in by_network(promotions)]
    return sorted(found, key=lambda each: -each.miou)


def by_network(promotions: Iterable[Promotion]) -> list[list[Promotion]]:
    """Those that came to a mIoU, together where only the seed tells them apart."""
    groups: dict[str, list[Promotion]] = {}
    for each in promotions:
        if each.miou is not None:
            groups.setdefault(f"{each.key} {each.recipe}", []).append(each)
    return list(groups.values())


def _percent(miou: float) -> str:
    return f"{units.percent(miou)} %"


def load(folder: Path) -> Promotion:
    """UserError when the record is damaged."""
    try:
        record = read_json(folder / RECORD)
        _check(record)
        record["last"] = Measurement.from_dict(record["last"])
        record.setdefault("digest", None)
        record["weights"] = folder / _plain(record["weights"]) if record["weights"] else None
        for name in ("classes", "class_iou", "shares", "proxy_class_iou"):
            record[name] = tuple(record.get(name, ()))
        return Promotion(**record, name=folder.name)
    except UserError:
        raise
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise UserError(f"{folder / RECORD}: damaged record ({error})") from error


_NUMBER, _COUNT, _TEXT = (int, float, type(None)), (int, type(None)), (str, type(None))
_KINDS: dict[str, tuple[type, ...]] = {
    "trial": _COUNT, "epoch": _COUNT, "folds": _COUNT, "seed": (int,), "miou": _NUMBER,
    "proxy_miou": _NUMBER, "final_miou": _NUMBER, "key": (str,), "weights": _TEXT, "digest": _TEXT, "settings": (dict,),
    "last": (dict,), "classes": (list,), "class_iou": (list,), "shares": (list,),
    "proxy_class_iou": (list,),
}  # fmt: skip
_ITEMS = {"classes": (str,), "class_iou": _NUMBER, "shares": (int, float),
          "proxy_class_iou": _NUMBER}  # fmt: skip


def _check(record: dict[str, Any]) -> None:
    """TypeError for a value of another kind, as a record from elsewhere may have."""
    for name, value in record.items():
        kinds, items = _KINDS.get(name, (object,)), _ITEMS.get(name, ())
        if not _is(value, kinds) or (items and not all(_is(item, items) for item in value)):
            raise TypeError(f"{name} is {short(value)}")
    there = len(record.get("classes", ()))
    for name in ("class_iou", "shares"):
        if len(record.get(name, ())) not in (0, there):
            raise ValueError(f"{name} is of {len(record[name])} classes, not of {there}")


def _is(value: Any, kinds: tuple[type, ...]) -> bool:
    whole = isinstance(value, kinds) and not isinstance(value, bool)
    return whole and not (isinstance(value, float) and not isfinite(value))


def _plain(name: str) -> str:
    """ValueError for one that leads to another folder."""
    if Path(name).name != name:
        raise ValueError(f"weights {name!r}")
    return name


def write_json(path: Path, values: dict[str, Any]) -> None:
    """Replaced in one step."""
    replace_text(path, json.dumps(values, indent=2) + "\n")


def replace_text(path: Path, text: str) -> None:
    """Written whole, or left as it was."""
    with replacing(path) as draft:
        draft.write_text(text, "utf-8")


def check_beside(weights: Path) -> None:
    """UserError where a file, or what it is a link to, is not the weights of the promotion whose
    record lies beside it."""
    weights = weights.resolve()
    if (weights.parent / RECORD).is_file():
        promotion = load(weights.parent)
        if promotion.weights == weights:
            promotion.check_weights()


def read_json(path: Path) -> dict[str, Any]:
    """Empty where there is no file. UserError for what is no mapping in JSON."""
    try:
        values = json.loads(path.read_text("utf-8")) if path.exists() else {}
        if not isinstance(values, dict):
            raise ValueError(f"{type(values).__name__} in the place of a mapping")
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: damaged record ({error})") from error
    return values
