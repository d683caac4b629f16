"""How much of a table's Pareto front of accuracy and MACs a search for fronts has found.

    python -m benchmarks.fronts --table nas-bench-macro.json

Hypervolume regret: one less the share of the whole table's hypervolume that the trials cover, the
reference point being the table's worst accuracy and most MACs; mean and 1.96 standard errors over
the seeds. Rivals: random search, and Optuna's NSGA-II used directly, which may pay for a network
twice.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution

from benchmarks.controllers import Curve, accuracy, add_options, compare, held, searched
from results.frontier import hypervolume
from search_space.errors import UserError
from search_space.tabular import TabularSpace, load_table

OPTUNA = "Optuna NSGAIISampler"
Points = NDArray[np.float64]
"""(accuracy, MACs) of N networks, (N, 2)."""


@dataclass(frozen=True)
class Study:
    """One line of the result."""

    table: str
    name: str
    in_flight: int
    trials: int

    def regrets(self, seed: int) -> NDArray[np.float64]:
        """Hypervolume regret after 1, 2, ... trials."""
        points_N2 = self._points(seed)
        covered = [_volume(self.table, points_N2[: n + 1]) for n in range(len(points_N2))]
        return held(1 - np.array(covered) / _whole(self.table), self.trials)

    def _points(self, seed: int) -> Points:
        space = _space(self.table)
        if self.name == OPTUNA:
            return optuna_directly(space, self.trials, seed)
        measure = partial(accuracy, space)
        ended = searched(self.name, space, measure, self.trials, self.in_flight, seed)
        return np.array([(t.measurement.miou, t.measurement.macs) for t in ended if t.measurement])


def optuna_directly(space: TabularSpace, trials: int, seed: int) -> Points:
    """One trial after the other."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.NSGAIISampler(seed=seed)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    names: dict[str, BaseDistribution] = {
        gene.name: CategoricalDistribution(range(gene.radix)) for gene in space.genes
    }
    found = []
    for _ in range(trials):
        trial = study.ask(names)
        measured = accuracy(space, tuple(trial.params[gene.name] for gene in space.genes))
        found.append((measured.miou or 0.0, measured.macs))
        study.tell(trial, found[-1])
    return np.array(found, dtype=float)


@cache
def _space(table: str) -> TabularSpace:
    """UserError for a table that does not say MACs."""
    space = load_table(table)
    if any("macs" not in values for values in space.rows.values()):
        raise UserError(f"{table}: every code needs macs beside its accuracy")
    return space


@cache
def _all(table: str) -> Points:
    rows = _space(table).rows.values()
    return np.array([(values["accuracy"] / 100, values["macs"]) for values in rows], dtype=float)


@cache
def _whole(table: str) -> float:
    return _volume(table, _all(table))


def _volume(table: str, points_N2: Points) -> float:
    everything = _all(table)
    reference = everything[:, 0].min(), everything[:, 1].max()
    return hypervolume(points_N2, reference, maximise=(True, False))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True, help="JSON: {code: {accuracy: ..., macs: ...}}")
    add_options(parser, trials=400, names=["pareto", "random", OPTUNA])
    given = parser.parse_args(arguments)
    try:
        _space(given.table)
    except UserError as error:
        parser.error(str(error))

    def curve(name: str, in_flight: int) -> Curve:
        return Study(given.table, name, in_flight, given.trials).regrets

    compare(curve, given)


if __name__ == "__main__":
    main()
