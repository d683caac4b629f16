"""What scoring takes and gives back. Imports no torch, so that a driver stays light."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Annotated, Any, Literal, Protocol

from search_space.backbone import Backbone
from search_space.bounds import AtLeastOne, AtLeastZero, Bound, Share, check
from search_space.scales import Scale

Side = Annotated[int, Bound(least=32)]
"""Of a crop, in pixels."""


@dataclass(frozen=True)
class Fidelity:
    """How long and how large a network trains. ``size`` is the (height, width) in pixels of the
    crops that it trains on; ``share`` is the part of the training images used; an epoch sees
    ``images`` crops (None: one of each image); ``evaluate_every`` counts epochs between
    validations (0: only after the last). A training ends early after ``patience`` validations
    in a row without a better mIoU (0: never; Prechelt 1998).

    With ``folds`` above 1 a network is trained so many times, each time on the images outside of a
    fold, and its score is of all folds together; ``epochs`` are of each. With 0 it is trained on
    all images, and there is none to validate on.

    Raises:
        UserError: beginning with the name of a field, for one that is out of its bounds.
    """

    epochs: AtLeastOne
    size: tuple[Side, Side]
    scale: Scale
    share: Share = 1.0
    evaluate_every: AtLeastZero = 0
    patience: AtLeastZero = 0
    images: AtLeastOne | None = None
    folds: AtLeastZero = 1

    def __post_init__(self) -> None:
        check(self)

    @property
    def total_epochs(self) -> int:
        """Of all folds."""
        return self.epochs * max(1, self.folds)


Metric = Literal["miou", "soft_miou", "loss", "balanced_loss", "train_loss"]
METRICS: dict[Metric, int] = {
    "miou": 1,
    "soft_miou": 1,
    "loss": -1,
    "balanced_loss": -1,
    "train_loss": -1,
}
"""What a search can go by, and whether more is better (1) or less (-1): validation mIoU, that of
probabilities instead of decisions, cross-entropy over pixels and over classes alike, and the mean
cross-entropy over the last epoch's training batches, which tells how fast a network learns
(training speed estimation, Ru et al. 2021, arXiv 2006.04492)."""


METRIC_NAMES: dict[Metric, str] = {
    "miou": "mIoU",
    "soft_miou": "soft mIoU",
    "loss": "minus validation loss",
    "balanced_loss": "minus class-balanced loss",
    "train_loss": "minus training loss",
}
"""What a score is called where people read it: more is better."""

PERCENT: frozenset[Metric] = frozenset(("miou", "soft_miou"))
"""Metrics in [0, 1] that people read as percent."""


class Failure(StrEnum):
    """Why an architecture has no score. Failures of machines are not measurements."""

    DIVERGED = "diverged"
    TOO_LARGE = "too large"
    TOO_SLOW = "too slow"


@dataclass(frozen=True)
class Measurement:
    """What is known of a network after ``epochs`` epochs.

    ``miou`` in [0, 1] and ``loss`` (mean validation cross-entropy, nats a pixel) are None before
    the first validation, as are ``soft_miou`` and ``balanced_loss`` (see METRICS); ``train_loss``
    is the mean over the last epoch. ``macs`` are
    multiply-accumulates of one image at the fidelity's size; ``seconds`` is wall time so far;
    ``peak_memory`` in bytes (the process's on a CPU, the allocator's on a GPU); ``latency`` in
    seconds for one image; ``score`` is what the search maximises (see ``scored``), and
    ``curve`` the score after each epoch, None where it was not measured. ``stale`` is how many
    validations ago the best mIoU was, where the fidelity has a patience.
    """

    epochs: int
    macs: int
    parameters: int
    seconds: float
    train_loss: float | None = None
    miou: float | None = None
    loss: float | None = None
    soft_miou: float | None = None
    balanced_loss: float | None = None
    class_iou: tuple[float | None, ...] = ()
    peak_memory: int | None = None
    latency: float | None = None
    failure: Failure | None = None
    score: float | None = None
    curve: tuple[float | None, ...] = ()
    stale: int | None = None

    def scored(self, by: Metric) -> Measurement:
        """With the score of a search by this metric; a failure has none."""
        value = None if self.failure else getattr(self, by)
        return replace(self, score=None if value is None else METRICS[by] * value)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Measurement:
        """The inverse of to_dict. Unknown keys are a ValueError."""
        known = {field.name for field in fields(cls)}
        if unknown := set(values) - known:
            raise ValueError(f"unknown fields of a measurement: {', '.join(sorted(unknown))}")
        values = dict(values)
        for name in ("class_iou", "curve"):
            values[name] = tuple(values.get(name, ()))
        if "failure" in values:
            values["failure"] = Failure(values["failure"])
        return cls(**values)


@dataclass(frozen=True)
class LatencyLimit:
    """A network is not trained if it takes more than ``seconds`` for one image, built at ``scale``
    for images of ``size`` (height, width), on the device that would train it."""

    seconds: float
    scale: Scale
    size: tuple[int, int]


@dataclass(frozen=True)
class Job:
    """One network to train: a trial of the search, or a promotion of one. ``stoppable``: it may
    be ended early where others are ahead of it. ``gpu``: the share of one that it may use; below 1
    others use it too, and running out of memory is nobody's score. ``seed``: its own, where it is
    not the task's."""

    number: int
    name: str
    backbone: Backbone
    fidelity: Fidelity
    limit: LatencyLimit | None = None
    stoppable: bool = False
    gpu: float = 0.0
    seed: int | None = None

    def ends_with(self, measurement: Measurement) -> bool:
        """Whether this measurement is the job's score: all epochs done, patience at its end, or a
        failure."""
        over = measurement.epochs >= self.fidelity.total_epochs or measurement.failure is not None
        return over or self.stops_early(measurement)

    def stops_early(self, measurement: Measurement) -> bool:
        """Whether its patience is at its end."""
        return 0 < self.fidelity.patience <= (measurement.stale or 0)


class ProxyTask(Protocol):
    """Scores an architecture. Picklable: it travels to the workers."""

    def score(self, job: Job) -> Iterator[Measurement]:
        """One measurement per epoch, each with all that is known so far; the last is the score.

        A generator, so that an engine stops a training by no longer asking for more.
        """
        ...
