"""What scoring takes and gives back. Imports no torch, so that a driver stays light."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Annotated, Any, Protocol

from proxy_tasks.objectives import OBJECTIVES, Metric
from search_space.backbone import Backbone
from search_space.bounds import AtLeastOne, AtLeastZero, Bound, Share, check
from search_space.errors import UserError
from search_space.fields import short
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
    fold, and its score is of all folds together; ``epochs`` are of each. ``held_out`` are the
    numbers of the folds that have their turn (None: all, in order). With 0 folds it is trained on
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
    held_out: tuple[AtLeastZero, ...] | None = None

    def __post_init__(self) -> None:
        check(self)
        if self.held_out is not None and self.folds:
            _check_held_out(self.held_out, self.folds)

    @property
    def turns(self) -> tuple[int, ...]:
        """The folds that are held out, one training for each; a single 0 where there are none."""
        return self.held_out or tuple(range(max(1, self.folds)))

    @property
    def total_epochs(self) -> int:
        """Of all turns."""
        return self.epochs * len(self.turns)


def _check_held_out(held_out: tuple[int, ...], folds: int) -> None:
    """UserError where they are no folds of the data, or one has two turns."""
    if folds < 2:
        raise UserError(f"held_out: {list(held_out)}, but the data have no folds")
    if not held_out or len(set(held_out)) < len(held_out) or max(held_out) >= folds:
        numbers = f"numbers of 0 to {folds - 1}, each at most once"
        raise UserError(f"held_out must be {numbers}, not {list(held_out)}")


class Failure(StrEnum):
    """Why an architecture has no score. Failures of machines are not measurements."""

    DIVERGED = "diverged"
    TOO_LARGE = "too large"
    TOO_SLOW = "too slow"


@dataclass(frozen=True)
class Measurement:
    """What is known of a network after ``epochs`` epochs: what it came to by each objective (see
    proxy_tasks.objectives), in plain units, None where that is not known.

    ``miou`` in [0, 1] and ``loss`` (mean validation cross-entropy, nats a pixel) are None before
    the first validation, as are ``soft_miou`` and ``balanced_loss``; ``train_loss``
    is the mean over the last epoch. ``macs`` are
    multiply-accumulates of one image at the fidelity's size; ``seconds`` is wall time so far;
    ``peak_memory`` in bytes (the process's on a CPU, the allocator's on a GPU); ``latency`` in
    seconds for one image; ``score`` is what the search maximises (see ``scored``), and
    ``curve`` the score after each epoch, None where it was not measured. ``stale`` is how many
    validations ago the best mIoU was, where the fidelity has a patience. ``figures`` holds the
    objectives that have no field here.
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
    figures: Mapping[str, float] = field(default_factory=dict)

    def figure(self, name: str) -> float | None:
        """What it came to by an objective, None where that is not known."""
        value: float | None = getattr(self, name, self.figures.get(name))
        return value

    def with_figures(self, values: Mapping[str, float | None]) -> Measurement:
        """With what it came to by these objectives, None where that is not known."""
        own: dict[str, Any] = {name: value for name, value in values.items() if name in _FIELDS}
        others = {**self.figures, **{n: v for n, v in values.items() if n not in own}}
        return replace(self, **own, figures={n: v for n, v in others.items() if v is not None})

    def scored(self, by: Metric) -> Measurement:
        """With the score of a search by this metric; a failure has none."""
        value = None if self.failure else self.figure(by)
        return replace(self, score=None if value is None else OBJECTIVES[by].sign * value)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        values = asdict(self)
        if not values["figures"]:  # as records had it before there were any
            del values["figures"]
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Measurement:
        """The inverse of to_dict. Unknown keys are a ValueError, and so is what is no number."""
        if unknown := set(values) - _FIELDS:
            raise ValueError(f"unknown fields of a measurement: {', '.join(sorted(unknown))}")
        values = dict(values)
        for name in ("class_iou", "curve"):
            values[name] = tuple(values.get(name, ()))
        if "failure" in values:
            values["failure"] = Failure(values["failure"])
        found = cls(**values)
        found._check_numbers()
        return found

    def _check_numbers(self) -> None:
        for name in _NUMBERS:
            if not _is_number(getattr(self, name)):
                raise ValueError(f"{name} of a measurement is {short(getattr(self, name))}")
        for value in (*self.class_iou, *self.curve, *self.figures.values()):
            if not _is_number(value):
                raise ValueError(f"a figure of a measurement is {short(value)}")


_FIELDS = {each.name for each in fields(Measurement)}
_NUMBERS = _FIELDS - {"class_iou", "curve", "failure", "figures"}


def _is_number(value: object) -> bool:
    """Or None."""
    return value is None or type(value) is float or type(value) is int


@dataclass(frozen=True)
class Limit:
    """A network is not trained if it has more than ``most`` of an ``objective`` that is measured
    (see proxy_tasks.objectives), built at ``scale`` for images of ``size`` (height, width), on the
    device that would train it."""

    objective: str
    most: float
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
    limits: tuple[Limit, ...] = ()
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
