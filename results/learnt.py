"""What a network has learnt, class by class: which of the classes that are there it finds.

A mean over classes hides it: where 93 % of the pixels are soil, a network that says soil everywhere
has a mIoU of 31 % over three classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from results import units

HARDLY = 0.02
"""IoU below which a class counts as missed. A network that draws a class at random comes to less
than the class's share of the pixels, which of a rare class is about that."""

_SHOWN = 5
"""Names in a sentence, at most."""


@dataclass(frozen=True)
class Learnt:
    """Names of classes that are there: ``found``; ``hardly``, with an IoU above 0 and below HARDLY;
    ``never``. ``everywhere``: the class that is predicted for every pixel, if one is."""

    found: tuple[str, ...]
    hardly: tuple[tuple[str, float], ...]
    never: tuple[str, ...]
    everywhere: str | None = None

    @property
    def missed(self) -> tuple[str, ...]:
        """All that are not found."""
        return (*self.never, *(name for name, _ in self.hardly))

    @property
    def whole(self) -> bool:
        """Whether every class that is there is found."""
        return not self.missed

    @property
    def words(self) -> str:
        """What is wrong, to follow the network's name: ``knows only soil: weed is never found``.
        Empty where nothing is."""
        if self.whole:
            return ""
        if self.everywhere is not None:
            return f"predicts {self.everywhere} everywhere: {self._missing}"
        if len(self.found) == 1:
            return f"knows only {self.found[0]}: {self._missing}"
        if not self.found:
            return f"knows no class: {self._missing}"
        never = f"never finds {_listed(self.never)}" if self.never else ""
        hardly = f"hardly finds {_listed(self._hardly)}" if self.hardly else ""
        return " and ".join(filter(None, (never, hardly)))

    @property
    def _hardly(self) -> list[str]:
        return [f"{name} (IoU {100 * iou:.2g} %)" for name, iou in self.hardly]

    @property
    def _missing(self) -> str:
        """As ``weed and crop are never found, pole is hardly found (IoU 0.8 %)``."""
        parts = []
        if self.never:
            parts.append(f"{_listed(self.never)} {_are(self.never)} never found")
        if self.hardly:
            parts.append(f"{_listed(self._hardly)} {_are(self.hardly)} hardly found")
        return ", ".join(parts)


def learnt(
    classes: Sequence[str], class_iou: Sequence[float | None], shares: Sequence[float] = ()
) -> Learnt:
    """From the IoU of each class, in [0, 1], None of one that neither is there nor was predicted.

    ``shares`` of the pixels, where they are known, tell a class that is not there from one that is
    never found, and a network that predicts one class everywhere: its IoU is the class's share.
    """
    pairs = zip(classes, class_iou, shares or [math.inf] * len(classes), strict=True)
    known = {name: (iou, share) for name, iou, share in pairs if iou is not None and share > 0}
    above = [name for name, (iou, _) in known.items() if iou > 0]
    alone = above[0] if len(above) == 1 and len(known) > 1 else None
    return Learnt(
        tuple(name for name, (iou, _) in known.items() if iou >= HARDLY),
        tuple((name, iou) for name, (iou, _) in known.items() if 0 < iou < HARDLY),
        tuple(name for name, (iou, _) in known.items() if iou == 0),
        alone if alone and math.isclose(*known[alone], abs_tol=1e-6) else None,
    )


def found_of(class_ious: Iterable[Sequence[float | None]]) -> list[tuple[int, int] | None]:
    """For each network (classes found, classes there), None of one without figures. Which are there
    is what all the networks show together: one that is there has an IoU in every network."""
    every = [tuple(each) for each in class_ious]
    absent = {place for each in every for place, iou in enumerate(each) if iou is None}
    return [_counted(each, absent) for each in every]


def _counted(class_iou: Sequence[float | None], absent: set[int]) -> tuple[int, int] | None:
    there = [iou for place, iou in enumerate(class_iou) if place not in absent and iou is not None]
    return (sum(iou >= HARDLY for iou in there), len(there)) if there else None


def percent(iou: float | None) -> str:
    """As tables show it; a dash where a class neither is there nor was predicted."""
    return "–" if iou is None else units.percent(iou)


def _listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and 3 more``."""
    names = list(names)
    if len(names) > _SHOWN:
        names = [*names[: _SHOWN - 1], f"{len(names) - _SHOWN + 1} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _are(names: Sequence[object]) -> str:
    return "is" if len(names) == 1 else "are"
