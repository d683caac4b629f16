"""A run at one moment, as every view takes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from proxy_tasks.task import METRIC_NAMES, Metric
from results.trial import Trial, TrialState
from results.views.choices import Choices, choices_of
from search_space.architecture import Architecture
from search_space.scales import Scale

T = TypeVar("T")


@dataclass(frozen=True)
class Facts:
    """What the views are told of a run besides its trials.

    ``budget`` counts candidates; ``noise`` is the standard deviation of a score between seeds,
    where an audit says it; ``scale`` and ``size`` (height, width) are the proxy's.
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

    @property
    def unit(self) -> tuple[str, float]:
        """What a score is called on an axis, and what it is multiplied by to be shown."""
        percent = self.metric in ("miou", "soft_miou")
        return (f"{METRIC_NAMES[self.metric]} (%)", 100.0) if percent else (self.score_name, 1.0)

    @property
    def score_name(self) -> str:
        """Of the metric that the search goes by."""
        return METRIC_NAMES[self.metric]

    def shown(self, score: float) -> str:
        """A score as text."""
        return f"{100 * score:.1f} %" if self.unit[1] == 100 else f"{score:.4f}"


@dataclass(frozen=True)
class Promoted:
    """A full training that has ended; mIoU in [0, 1]."""

    name: str
    trial: int
    proxy_miou: float | None
    miou: float | None
    epochs: int
    macs: int
    parameters: int
    seconds: float


@dataclass
class Memo:
    """What was worked out of trials that have ended, by number: they never change."""

    rows: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    choices: dict[int, Choices] = field(default_factory=dict)
    genes: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    counts: dict[Any, dict[int, list[int]]] = field(default_factory=dict)


MEASURED = (
    "score",
    "miou",
    "loss",
    "train_loss",
    "macs",
    "parameters",
    "seconds",
    "latency",
    "peak_memory",
)
COLUMNS = ("trial", "name", "kind", "finished", *MEASURED)


@dataclass(frozen=True)
class Snapshot:
    """A run at the moment ``at``, which carries its time zone."""

    facts: Facts
    trials: Sequence[Trial]
    promoted: Sequence[Promoted]
    at: datetime
    memo: Memo = field(default_factory=Memo, repr=False, compare=False)
    _worked: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per complete trial in the order in which they finished: COLUMNS in plain units,
        NaN where something was not measured."""
        done = [t for t in self.trials if t.state is TrialState.COMPLETE and t.score is not None]
        rows = [self.memo.rows.get(trial.number) or self._row(trial) for trial in done]
        # Old ledgers may lack the time: the number stands in for it.
        rows.sort(key=lambda row: (row[3], row[0]))
        columns = dict(zip(COLUMNS, zip(*rows, strict=True), strict=False))
        columns = columns or dict.fromkeys(COLUMNS, ())
        # Column by column: pandas takes ten times as long for rows.
        floats = {name: np.array(columns[name], dtype=np.float64) for name in MEASURED}
        return pd.DataFrame({**{name: list(columns[name]) for name in COLUMNS}, **floats})

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """The frame without baselines."""
        return self.frame[self.frame["kind"] == "candidate"].reset_index(drop=True)

    @cached_property
    def baselines(self) -> pd.DataFrame:
        """The frame's baselines."""
        return self.frame[self.frame["kind"] == "baseline"].reset_index(drop=True)

    @cached_property
    def by_number(self) -> dict[int, Trial]:
        """Every trial."""
        return {trial.number: trial for trial in self.trials}

    def once(self, name: str, work: Callable[[], T]) -> T:
        """What several views of a snapshot need is worked out for the first of them."""
        if name not in self._worked:
            self._worked[name] = work()
        found: T = self._worked[name]
        return found

    def genotype(self, number: int) -> NDArray[np.int64] | None:
        """A trial's genes; None for a baseline."""
        if number not in self.memo.genes:
            genotype = self.by_number[number].genotype
            if genotype is None:
                return None
            self.memo.genes[number] = np.array(genotype, dtype=np.int64)
        return self.memo.genes[number]

    def choices(self, number: int) -> Choices | None:
        """What a candidate's architecture is made of; None where it is no searched one."""
        if number not in self.memo.choices:
            backbone = self.by_number[number].backbone
            if not isinstance(backbone, Architecture):
                return None
            self.memo.choices[number] = choices_of(backbone)
        return self.memo.choices[number]

    def _row(self, trial: Trial) -> tuple[Any, ...]:
        measured = trial.measurement
        values = [getattr(measured, name) for name in MEASURED[1:]]
        finished = trial.finished.timestamp() if trial.finished else float(trial.number)
        row = (trial.number, trial.name, trial.kind, finished, trial.score, *values)
        self.memo.rows[trial.number] = row
        return row
