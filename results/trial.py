"""One genotype (or one baseline) scored at one fidelity, as the ledger records it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from proxy_tasks.task import Measurement
from search_space.backbone import Backbone
from search_space.genes import Genotype

_PLAIN = re.compile(r"\w[\w.+-]*", re.ASCII)

Kind = Literal["candidate", "baseline"]


class TrialState(StrEnum):
    """Where a trial stands. Stopped is one that was cut short, as others were ahead of it;
    infeasible is the architecture's failure, failed the machines'."""

    RUNNING = "running"
    COMPLETE = "complete"
    STOPPED = "stopped"
    INFEASIBLE = "infeasible"
    FAILED = "failed"


@dataclass(frozen=True)
class Setback:
    """Why a trial had to be run again, through no fault of its network: the ``kind``, such as a
    lost worker, and what was said of it in one line."""

    kind: str
    error: str


@dataclass(frozen=True)
class Trial:
    """A row of the ledger.

    ``key`` is the canonical key of the backbone; ``genotype`` is None for a baseline. A complete
    trial has a measurement with a mIoU, a stopped one that of its last epoch, an infeasible one a
    measurement with a failure, a failed one an ``error``. ``setbacks`` are told in their order.
    ``started`` and ``finished`` carry their time zone and are for people; order is told by counts:
    so many trials had ended when this one was started (``after``), and when it ended (``ending``).
    """

    number: int
    name: str
    kind: Kind
    backbone: Backbone
    key: str
    genotype: Genotype | None
    state: TrialState
    measurement: Measurement | None = None
    error: str | None = None
    started: datetime | None = None
    finished: datetime | None = None
    setbacks: tuple[Setback, ...] = ()
    after: int | None = None
    ending: int | None = None

    @property
    def folder(self) -> str:
        """A name for a folder of its own: the trial's, unless that is no plain one, as it may be in
        a ledger from elsewhere."""
        return self.name if _PLAIN.fullmatch(self.name) else f"{self.kind}-{self.number:04d}"

    @property
    def score(self) -> float | None:
        """What the search maximises, of a complete trial; None for any other.

        Where the ledger does not say, it is the mIoU.
        """
        if self.state is not TrialState.COMPLETE or self.measurement is None:
            return None
        measured = self.measurement
        return measured.miou if measured.score is None else measured.score

    @property
    def standing(self) -> tuple[int, float]:
        """How far a trial came and how it stood there, the more the better: (epochs, score). One
        that was stopped early was behind those that went on, whatever their scores became; one
        that is infeasible came nowhere."""
        measured = self.measurement
        if measured is None or self.state not in (TrialState.COMPLETE, TrialState.STOPPED):
            return (0, float("-inf"))
        score = self.score if self.state is TrialState.COMPLETE else measured.score
        return (measured.epochs, float("-inf") if score is None else score)

    @property
    def miou(self) -> float | None:
        """In [0, 1], of a complete trial."""
        return None if self.score is None or self.measurement is None else self.measurement.miou

    @property
    def seconds(self) -> float | None:
        """Wall time of the training, None before there is a measurement."""
        return None if self.measurement is None else self.measurement.seconds
