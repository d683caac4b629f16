"""Plans from fingerprints that are made by hand, on a machine whose pace is known."""

from __future__ import annotations

from collections import Counter

from nas import config as configs
from nas.config import Config
from nas.planning.decision import Decision
from nas.planning.machine import Machine, Setting
from nas.planning.planner import planned
from proxy_tasks.datasets.traits import Fingerprint, Growth, PartTraits, Place, Thickness
from proxy_tasks.pace import Pace

CPU = Machine("a processor", "cpu", 2, 24 * 2**30)
MIDDLE = Place(0.5, 0.01, 0.5, 40)
ASIDE = Place(0.2, 0.01, 1.0, 40, aside=True)


def found(
    *,
    sizes: dict[tuple[int, int], int] | None = None,
    shares: tuple[float, ...] = (0.6, 0.4),
    across: tuple[float | None, ...] = (60.0, 40.0),
    growth: Growth | None = None,
    vertical: Place = MIDDLE,
    horizontal: Place = MIDDLE,
    channels: int = 3,
) -> Fingerprint:
    """Of two classes a and b (and c, ...), photographs of 600x800 unless told otherwise."""
    counted = Counter(sizes or {(600, 800): 100})
    pixels = tuple(round(1e8 * share) for share in shares)
    images = (counted.total(),) * len(shares)
    train = PartTraits(counted.total(), pixels, images, sizes=counted)
    val = PartTraits(20, pixels, (20,) * len(shares), sizes=Counter({(600, 800): 20}))
    none = (0,) * len(shares)
    return Fingerprint(
        name="mine",
        classes=tuple("abcdefgh"[: len(shares)]),
        channels=channels,
        depth=8,
        bits=8,
        parts={"train": train, "val": val, "test": PartTraits(0, none, none)},
        brightness=(),
        thickness=tuple(Thickness(each, each, 50 if each else 0) for each in across),
        growth=growth,
        vertical=(vertical,) * len(shares),
        horizontal=(horizontal,) * len(shares),
    )


NOTHING = Decision("validation", "", "")


class Paces:
    """Crops a second that follow from multiply-accumulates alone, and what was asked for."""

    def __init__(self, macs_a_second: float = 1e10) -> None:
        self.asked: list[Setting] = []
        self._pace = macs_a_second

    def __call__(self, wanted: list[Setting]) -> list[Pace]:
        self.asked += wanted
        return [
            Pace(self._pace * each.threads / (2.5e9 * each.scale.filters), 2**30) for each in wanted
        ]


def plan(fingerprint: Fingerprint, hours: float = 1.0, folds: int = 1, **changes: object) -> Config:
    timed, encoder = changes.pop("timed", Paces()), changes.pop("encoder", "")
    made = planned(fingerprint, CPU, 2, hours, 3600 * hours, NOTHING, folds, timed, encoder)  # type: ignore[arg-type]
    return configs.parse(made.plan.values() | {"plan": made.kept}, "plan")
