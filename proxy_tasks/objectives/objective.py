"""What an objective is: a figure of a network that a search goes by, trades, limits or shows.

Imports no torch: what needs a built network is named, and imported where it is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from pkgutil import resolve_name
from typing import Any

from search_space.cost import Cost


@dataclass(frozen=True)
class Unit:
    """What people read a figure in: its plain value times ``factor``, before the ``symbol``."""

    symbol: str = ""
    factor: float = 1.0


NUMBER = Unit()
PERCENT = Unit("%", 100.0)
GIGA, MEGA = Unit("G", 1e-9), Unit("M", 1e-6)
GIBIBYTES = Unit("GiB", 2**-30)
SECONDS, MILLISECONDS = Unit("s"), Unit("ms", 1e3)


@dataclass(frozen=True)
class Analytic:
    """Worked out from the spec, before anything is trained: ``of`` a cost, and of the images of a
    training step (one, where it is of no training)."""

    of: Callable[[Cost, int], float]


@dataclass(frozen=True)
class Predicted:
    """Worked out from the spec too, by what was measured of others (search_space.latency): known
    where a run has such a table, of a network as it would be promoted."""


OF_SPEC = (Analytic, Predicted)
"""Sources of what is known before anything is trained."""


@dataclass(frozen=True)
class Trained:
    """Told by the training itself, after every epoch."""


@dataclass(frozen=True)
class Validated:
    """Known after a validation: ``of`` a ``proxy_tasks.validation.Validation`` and all that it has
    counted."""

    of: Callable[[Any], float]


@dataclass(frozen=True)
class Measured:
    """Needs a measurement of its own, of the built network. ``by`` names a function, as
    ``package.module:function``, of (network, size, channels=...) where ``size`` is the (height,
    width) of one image. A network beyond a limit of it fails as ``failure``, a value of
    ``proxy_tasks.task.Failure``."""

    by: str
    failure: str = "too slow"

    def __call__(self, network: Any, size: tuple[int, int], channels: int) -> float:
        """Of a ``torch.nn.Module`` on its device."""
        return float(resolve_name(self.by)(network, size, channels=channels))


class Shown(IntEnum):
    """How far to the front a figure is shown. Each place comes with those before it."""

    NOWHERE = 0
    AXIS = 1
    """Of the dashboard and the report."""
    DETAIL = 2
    """Where one network is shown in full."""
    TABLE = 3
    """In the leaderboard, in the line of a trial that ended, and in the log."""


@dataclass(frozen=True)
class Objective:
    """One figure of a network, under the ``name`` by which configs, ledgers and tables know it.

    ``label`` is what people call it, ``short`` the same where there is little room; it is read in
    ``unit``, ``of`` something, and ``said`` with its value in a sentence. ``more``: more is better.
    ``source`` says where its value comes from; ``kept``: measurements have it (else it is there to
    be limited, no more).

    A search may go by it where it is a ``score``; a controller of several objectives may trade it
    where it is ``traded``; constraints may bound it from above where it can be a ``limit``.
    """

    name: str
    label: str
    source: Analytic | Predicted | Trained | Validated | Measured
    unit: Unit = NUMBER
    more: bool = False
    short: str = ""
    of: str = ""
    said: str = ""
    shown: Shown = Shown.AXIS
    kept: bool = True
    score: bool = False
    traded: bool = False
    limit: bool = False

    def __post_init__(self) -> None:
        able = isinstance(self.source, Analytic | Measured)
        assert able or not self.limit, f"{self.name}: only known after a training, no limit"
        assert not (self.limit and self.more), f"{self.name}: a limit is the most of something"

    @property
    def sign(self) -> int:
        """Times this, more is better."""
        return 1 if self.more else -1

    @property
    def score_name(self) -> str:
        """What a score by it is called where people read it: more is better."""
        return self.label if self.more else f"minus {self.label}"

    @property
    def heading(self) -> str:
        """Of its column in a table, whose cells have no percent sign."""
        return with_percent(self.short or self.label, self.unit)

    @property
    def axis(self) -> str:
        """Title of an axis."""
        return on_axis(f"{self.label} of {self.of}" if self.of else self.label, self.unit)

    def phrase(self, value: str) -> str:
        """A value, as text in its unit, with what it is of: ``1.08 M parameters``."""
        return (self.said or f"{{}} {self.label}").format(value)


def with_percent(words: str, unit: Unit) -> str:
    """Over a column whose cells are numbers alone."""
    return f"{words} %" if unit is PERCENT else words


def on_axis(words: str, unit: Unit) -> str:
    """Beside an axis whose ticks are numbers alone."""
    return f"{words} ({unit.symbol})" if unit.symbol else words
