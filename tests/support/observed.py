"""A run for views and pages, made of random architectures and scores that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from proxy_tasks.task import Failure, Measurement
from results.trial import Kind, Trial, TrialState
from results.views.choices import choices_of
from results.views.snapshot import Facts, FullTraining, Promoted, Snapshot
from search_space.architecture import Architecture
from search_space.resnet import DilatedResNet
from search_space.scale_permuted import ScalePermutedSpace

SPACE = ScalePermutedSpace()
START = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
HOSTILE = "</script><img src=x onerror=alert(1)>../../etc/passwd %{x} <b>"


def candidate(number: int, name: str | None = None) -> Trial:
    """Its score rises with the share of dilation 4 and falls with nothing else."""
    genotype = SPACE.sample(np.random.default_rng(number))
    architecture = SPACE.decode(genotype)
    counted = choices_of(architecture)["dilation"]
    miou = 0.2 + 0.2 * counted[4] / counted.total()
    macs = 100_000_000 + 1_000_000 * (number * 7 % 50)
    measured = Measurement(
        3, macs, 1_000_000 + number, 60.0, train_loss=1.0, miou=miou, loss=1 - miou,
        class_iou=(miou,) * 11, score=miou, curve=(miou / 2, None, miou),
    )  # fmt: skip
    return ended(
        number, name or f"trial-{number:04d}", "candidate", architecture, measured, genotype
    )


def ended(
    number: int,
    name: str,
    kind: Kind,
    backbone: Architecture | DilatedResNet,
    measured: Measurement,
    genotype: tuple[int, ...] | None = None,
) -> Trial:
    """A complete trial that took a minute, one after the other."""
    started = START + timedelta(minutes=number)
    return Trial(
        number, name, kind, backbone, f"key{number}", genotype, TrialState.COMPLETE, measured,
        None, started, started + timedelta(minutes=1), after=number, ending=number,
    )  # fmt: skip


def baseline(number: int = 0, name: str = "deeplabv3-resnet-50") -> Trial:
    """A ResNet with a fixed score."""
    measured = Measurement(3, 900_000_000, 5_000_000, 90.0, miou=0.3, loss=0.7, score=0.3)
    return ended(number, name, "baseline", DilatedResNet(), measured)


def running(number: int) -> Trial:
    """Sent out, not back."""
    whole = candidate(number)
    return replace(whole, state=TrialState.RUNNING, measurement=None, finished=None, ending=None)


def failed(number: int, error: str = "worker lost") -> Trial:
    """The machines' failure."""
    whole = candidate(number)
    return replace(whole, state=TrialState.FAILED, measurement=None, error=error)


def infeasible(number: int, failure: Failure = Failure.DIVERGED) -> Trial:
    """The architecture's failure."""
    measured = Measurement(1, 10, 20, 3.0, failure=failure)
    return replace(candidate(number), state=TrialState.INFEASIBLE, measurement=measured)


FACTS = Facts(
    name="demo", data="camvid", controller="random", budget=60,
    genes=tuple(gene.name for gene in SPACE.genes),
)  # fmt: skip


def snapshot(
    trials: Sequence[Trial], facts: Facts = FACTS, promoted: Sequence[Promoted] = ()
) -> Snapshot:
    """At the moment when the last trial could have ended."""
    return Snapshot(facts, trials, promoted, START + timedelta(minutes=len(trials)))


@dataclass
class FakeRun:
    """Implements results.dashboard.source.Run with what a test puts into it."""

    listed: list[Trial] = field(default_factory=list)
    told: Facts = FACTS
    full: list[Promoted] = field(default_factory=list)
    going: list[FullTraining] = field(default_factory=list)

    def facts(self) -> Facts:
        return self.told

    def trials(self) -> Sequence[Trial]:
        return list(self.listed)

    def promoted(self) -> Sequence[Promoted]:
        return tuple(self.full)

    def trainings(self) -> Sequence[FullTraining]:
        return tuple(self.going)
