"""A run at one moment, as every view takes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from proxy_tasks.objectives import OBJECTIVES, Metric, Shown, shown
from proxy_tasks.objectives.objective import on_axis
from results import units
from results.trial import Kind, Trial
from results.views.choices import Choices, Property, Value, choices_of
from results.views.grown import GrownRows
from search_space.architecture import Architecture
from search_space.scales import Scale

T = TypeVar("T")


@dataclass(frozen=True)
class Facts:
    """What the views are told of a run besides its trials.

    ``budget`` counts candidates; ``noise`` is the standard deviation of a score between seeds,
    where an audit says it; ``scale`` and ``size`` (height, width) are the proxy's;
    ``taught``: all candidates learn from a teacher; ``interrupted``: nothing works on the run, and
    this command goes on (it may be empty).
    """

    name: str
    data: str = ""
    controller: str = ""
    metric: Metric = "miou"
    budget: int | None = None
    noise: float | None = None
    scale: Scale = field(default_factory=Scale)
    size: tuple[int, int] = (96, 128)
    epochs: int = 1
    genes: tuple[str, ...] = ()
    taught: bool = False
    interrupted: str | None = None

    @property
    def unit(self) -> tuple[str, float]:
        """What a score is called on an axis, and what it is multiplied by to be shown."""
        unit = OBJECTIVES[self.metric].unit
        return on_axis(self.score_name, unit), unit.factor

    @property
    def quality(self) -> str:
        """The frame's column that candidates are ranked by, under the name that people know."""
        return "miou" if self.metric == "miou" else "score"

    @property
    def score_name(self) -> str:
        """Of the metric that the search goes by."""
        return OBJECTIVES[self.metric].score_name

    def shown(self, score: float) -> str:
        """A score as text."""
        return units.score(score, self.metric)


@dataclass(frozen=True)
class Promoted:
    """A full training that has ended; mIoU in [0, 1]. ``labels`` is a PNG of predicted label maps
    beside the truth; ``recipe`` the same where two were trained alike.

    ``class_iou`` is of the ``classes``, empty where nobody wrote it down; ``where``: on the
    ``test`` part, or of the ``proxy``, where the training left no images to validate on.
    ``warning`` says what the network misses and what to change, ``note`` why it has no mIoU though
    nothing went wrong. ``test_miou`` is of the test part: nothing is chosen by it. ``taught``: by a
    teacher, too. ``compared`` says how it stands against each of its rivals.
    """

    name: str
    trial: int | None
    miou: float | None
    epochs: int
    macs: int
    parameters: int
    seconds: float
    labels: Path | None = None
    recipe: str = ""
    classes: tuple[str, ...] = ()
    class_iou: tuple[float | None, ...] = ()
    where: str = ""
    warning: str | None = None
    note: str | None = None
    test_miou: float | None = None
    taught: bool = False
    compared: tuple[str, ...] = ()


Epoch = tuple[int, float | None]
"""How many epochs a training has done by then, and its mIoU in [0, 1] where it was validated."""


@dataclass(frozen=True)
class FullTraining:
    """A full training, whether it has ended or goes on: ``done`` of ``of`` epochs, ``left`` seconds
    at its pace (None where nothing says so), and its ``curve``."""

    name: str
    done: int
    of: int
    left: float | None
    ended: bool
    curve: tuple[Epoch, ...] = ()


@dataclass
class Memo:
    """What was worked out of trials that have ended, by number: they never change. ``values`` are
    all that occur among the choices."""

    rows: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    choices: dict[int, Choices] = field(default_factory=dict)
    values: dict[Property, set[Value]] = field(default_factory=lambda: defaultdict(set))
    hovers: dict[tuple[str, int], str] = field(default_factory=dict)
    measured: GrownRows = field(default_factory=partial(GrownRows, float))
    genes: GrownRows = field(default_factory=partial(GrownRows, int))
    counts: dict[object, GrownRows] = field(
        default_factory=lambda: defaultdict(partial(GrownRows, int))
    )


MEASURED = ("score", *(each.name for each in shown(Shown.AXIS)))
_TOLD: dict[str, Any] = {"trial": int, "name": object, "kind": object, "ending": int}
_ENDING = list(_TOLD).index("ending")
COLUMNS = (*_TOLD, *MEASURED)


@dataclass(frozen=True)
class Snapshot:
    """A run at the moment ``at``, which carries its time zone."""

    facts: Facts
    trials: Sequence[Trial]
    promoted: Sequence[Promoted]
    at: datetime
    trainings: Sequence[FullTraining] = ()
    memo: Memo = field(default_factory=Memo, repr=False, compare=False)
    worked: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)
    """What was worked out of the complete trials, the facts and the promotions. A snapshot in
    which only others changed takes it over."""
    own: dict[object, Any] = field(default_factory=dict, repr=False, compare=False)
    """What was worked out of all trials."""

    @property
    def frame(self) -> pd.DataFrame:
        """One row per complete trial in the order in which they finished: COLUMNS in plain units,
        NaN where something was not measured."""
        return self.once("frame", self._frame)

    @property
    def ranked(self) -> pd.DataFrame:
        """The frame, best first: by the search's score, then by fewer MACs and by number."""
        return self.once("ranked", self._ranked)

    @property
    def candidates(self) -> pd.DataFrame:
        """The frame without baselines."""
        return self.once("candidates", lambda: self._of_kind("candidate"))

    @property
    def baselines(self) -> pd.DataFrame:
        """The frame's baselines."""
        return self.once("baselines", lambda: self._of_kind("baseline"))

    @cached_property
    def by_number(self) -> dict[int, Trial]:
        """Every trial."""
        return {trial.number: trial for trial in self.trials}

    def once(self, name: object, work: Callable[[], T]) -> T:
        """What several views need is worked out for the first of them. Of the complete trials, the
        facts and the promotions alone."""
        return _kept(self.worked, name, work)

    def once_here(self, name: object, work: Callable[[], T]) -> T:
        """As ``once``, of whatever else the snapshot holds."""
        return _kept(self.own, name, work)

    @property
    def searched(self) -> tuple[list[int], NDArray[np.float64]]:
        """The candidates' numbers and scores, in the order of finishing; their choices are in the
        memo."""
        return self.once("searched", self._searched)

    def _searched(self) -> tuple[list[int], NDArray[np.float64]]:
        numbers = self.candidates["trial"].tolist()
        for number in numbers:
            if number not in self.memo.choices:
                self._choose(number)
        return numbers, self.candidates["score"].to_numpy()

    def _choose(self, number: int) -> None:
        backbone = self.by_number[number].backbone
        assert isinstance(backbone, Architecture)  # candidates are searched ones
        chosen = choices_of(backbone)
        for of, counted in chosen.items():
            self.memo.values[of].update(counted)
        self.memo.choices[number] = chosen

    def _frame(self) -> pd.DataFrame:
        known = self.memo.rows
        rows = [row for t in self.trials if (row := known.get(t.number) or self._row(t))]
        rows.sort(key=itemgetter(_ENDING, 0))
        numbers = [row[0] for row in rows]
        measured = self.memo.measured.of(numbers, lambda n: known[n][len(_TOLD) :])
        # Column by column: pandas takes ten times as long for rows.
        columns: dict[str, Any] = {
            # Plain objects: a column of Arrow's strings takes longer to make and to read.
            name: pd.Series([row[place] for row in rows], dtype=kind)
            for place, (name, kind) in enumerate(_TOLD.items())
        }
        floats = measured.reshape(-1, len(MEASURED)).T
        return pd.DataFrame(columns | dict(zip(MEASURED, floats, strict=True)))

    def _ranked(self) -> pd.DataFrame:
        score, macs, trial = (self.frame[name].to_numpy() for name in ("score", "macs", "trial"))
        order = np.lexsort((trial, macs, -score))  # a tenth of the time that pandas takes
        return self.frame.iloc[order].reset_index(drop=True)

    def _of_kind(self, kind: Kind) -> pd.DataFrame:
        return self.frame[self.frame["kind"] == kind].reset_index(drop=True)

    def _row(self, trial: Trial) -> tuple[Any, ...] | None:
        if trial.score is None:
            return None
        assert trial.measurement is not None  # a trial with a score has one
        values = [trial.measurement.figure(name) for name in MEASURED[1:]]
        ending = trial.number if trial.ending is None else trial.ending
        row = (trial.number, trial.name, trial.kind, ending, trial.score, *values)
        self.memo.rows[trial.number] = row
        return row


def _kept(known: dict[object, Any], name: object, work: Callable[[], T]) -> T:
    if name not in known:
        known[name] = work()
    found: T = known[name]
    return found
