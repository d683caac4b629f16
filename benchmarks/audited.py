"""A finished audit as the benchmarks read it: the same architectures in every leg.

Shapes: N architectures, S seeds, T trainings of the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.config import Config
from nas.runs.directory import RunDirectory
from nas.searching import audit
from nas.searching.audit import REFERENCE, Plan
from proxy_tasks.task import METRICS, Measurement, Metric
from results.ledger import Ledger
from results.trial import Trial
from search_space.errors import UserError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Audit:
    """``trials_N`` of the reference's first training; ``proxies`` holds for each label the
    measurements of every seed, (S, N), in the same order of architectures."""

    config: Config
    trials_N: tuple[Trial, ...]
    proxies: dict[str, list[list[Measurement]]]
    reference_TN: Array

    @property
    def reference_N(self) -> Array:
        """Mean mIoU of the reference's trainings."""
        return np.asarray(self.reference_TN.mean(axis=0))

    def scores_SN(self, label: str, metric: Metric) -> Array:
        """Of a fidelity, more is better."""
        sign = METRICS[metric]
        return np.array([[sign * getattr(m, metric) for m in leg] for leg in self.proxies[label]])

    @classmethod
    def read(cls, path: Path) -> Audit:
        """Architectures that every leg has a score of. UserError without a reference or proxy."""
        run = RunDirectory.open(path)
        config = run.config()
        legs: dict[str, list[dict[str, Trial]]] = {}
        for label, _, seed in Plan.of(config, grid=True).legs():
            file = audit.leg_ledger(run, label, seed)
            if file.exists() and (leg := _scored(file, config.audit.architectures)):
                legs.setdefault(label, []).append(leg)
        references = legs.pop(REFERENCE, [])
        every = [*references, *(leg for many in legs.values() for leg in many)]
        keys = set.intersection(*map(set, every)) if every else set()
        if not references or len(keys) < 3:
            raise UserError(f"{path}: no audit that is finished; nas audit --run {path} --resume")
        order = [key for key in references[0] if key in keys]
        return cls(
            config,
            tuple(references[0][key] for key in order),
            {label: [_measurements(leg, order) for leg in many] for label, many in legs.items()},
            np.array([[leg[key].miou for key in order] for leg in references]),
        )


def _scored(file: Path, wanted: int) -> dict[str, Trial]:
    """By canonical key; nothing of a leg that has not come to its end."""
    with Ledger.open(file, read_only=True) as ledger:
        found = {trial.key: trial for trial in ledger.trials() if trial.score is not None}
    return found if len(found) >= wanted else {}


def _measurements(leg: dict[str, Trial], order: list[str]) -> list[Measurement]:
    return [found for key in order if (found := leg[key].measurement)]
