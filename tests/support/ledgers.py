"""Ledgers with a few trials in them, wherever they lie."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import optuna

from proxy_tasks.task import Failure, Measurement
from results.ledger import Ledger
from results.trial import Trial
from search_space.architecture import Architecture, Block
from search_space.genes import Gene

GENES = (Gene("order.00", 3), Gene("b02.dilation", 4))
METADATA = {"seed": 7, "versions": {"torch": "2.13"}}
STEM = (Block(2, "bottleneck"),) * 2
ARCHITECTURE = Architecture(
    STEM, (Block(4, "residual", (0, 1), 4), Block(3, "bottleneck", (1, 2), 2, True)), (3,)
)
MEASURED = Measurement(
    epochs=3,
    macs=152_000_000,
    parameters=1_080_000,
    seconds=41.5,
    train_loss=1.2,
    miou=0.413,
    loss=0.875,
    class_iou=(0.5, None, 0.326),
    peak_memory=123,
    latency=0.01,
)
COUNTER = itertools.count()
INFEASIBLE = Measurement(1, 10, 20, 3.0, train_loss=math.nan, failure=Failure.DIVERGED)


def create(place: str | Path) -> Ledger:
    return Ledger.create(place, "run", GENES, METADATA)


def start(ledger: Ledger, genotype: tuple[int, ...] = (2, 3)) -> Trial:
    return ledger.start("trial", "candidate", ARCHITECTURE, "key", genotype)


def seen(place: str | Path) -> list[Trial]:
    return Ledger.open(place, read_only=True).trials()


def storage_of(place: str) -> optuna.storages.BaseStorage | str:
    if "://" in place:
        return place
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(place))
