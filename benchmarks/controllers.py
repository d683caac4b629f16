"""Simple regret of every controller on a benchmark table, beside Optuna's samplers used directly.

    python -m benchmarks.controllers --table nas-bench-macro.json

Regret is the table's best accuracy less the best found so far, in the order in which trials end;
the interval is 1.96 standard errors over the seeds.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from benchmarks import rivals
from benchmarks.simulation import Measure, simulate
from nas.controllers import CONTROLLERS, make
from proxy_tasks.task import Measurement
from results.trial import Trial
from search_space.genes import Genotype, SearchSpace
from search_space.tabular import TabularSpace, load_table

BUDGETS = (25, 50, 100, 200, 400)
Curve = Callable[[int], NDArray[np.float64]]
"""Seed -> what a search has after 1, 2, ... trials. Picklable: it travels to other processes."""


@dataclass(frozen=True)
class Study:
    """One line of the result: a searcher with so many trials in flight."""

    table: str
    name: str
    in_flight: int
    trials: int

    def regrets(self, seed: int) -> NDArray[np.float64]:
        """Regret after 1, 2, ... trials, in the table's unit."""
        space = _space(self.table)
        scores = np.array(self._scores(space, seed)) * 100
        return np.asarray(_best(self.table) - held(np.maximum.accumulate(scores), self.trials))

    def _scores(self, space: TabularSpace, seed: int) -> list[float]:
        measure = partial(accuracy, space)
        if self.name in rivals.RIVALS:
            return rivals.RIVALS[self.name](space, measure, self.trials, self.in_flight, seed)
        ended = searched(self.name, space, measure, self.trials, self.in_flight, seed)
        return [trial.score or 0.0 for trial in ended]


def searched(
    name: str, space: SearchSpace, measure: Measure, trials: int, in_flight: int, seed: int
) -> list[Trial]:
    """What a controller with its default options tried, in the order of ending."""
    options = {"objectives": ("miou", "macs")} if name == "pareto" else {}
    return simulate(make(name, space, seed, **options), space, measure, trials, in_flight, seed)


def held(values: NDArray[np.float64], trials: int) -> NDArray[np.float64]:
    """The last value kept up to the budget: a space may end before it."""
    return np.concatenate([values, np.full(trials - len(values), values[-1])])


def accuracy(space: TabularSpace, genotype: Genotype) -> Measurement:
    """The table's row, its percents as a fraction where a search has its mIoU."""
    values = space.decode(genotype).values
    macs, parameters = (int(values.get(name, 0)) for name in ("macs", "params"))
    return Measurement(1, macs, parameters, 1.0, miou=values["accuracy"] / 100)


@cache
def _space(table: str) -> TabularSpace:
    return load_table(table)


@cache
def _best(table: str) -> float:
    return max(values["accuracy"] for values in _space(table).rows.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", required=True, help="JSON: {code: {accuracy: ...}}")
    add_options(parser, trials=400, names=[*CONTROLLERS, *rivals.RIVALS])
    given = parser.parse_args()

    def curve(name: str, in_flight: int) -> Curve:
        return Study(given.table, name, in_flight, given.trials).regrets

    compare(curve, given)


def compare(curve: Callable[[str, int], Curve], given: argparse.Namespace) -> None:
    """A table for each number of trials in flight; ``curve`` takes a name and that number."""
    with ProcessPoolExecutor(given.processes) as pool:
        for in_flight in given.in_flight:
            print(f"\n{in_flight} in flight, {given.seeds} seeds\n")
            curves = {name: curve(name, in_flight) for name in given.names}
            print_table(curves, given.trials, given.seeds, pool)


def add_options(parser: argparse.ArgumentParser, trials: int, names: Sequence[str]) -> None:
    """What every benchmark of controllers can be told."""
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--trials", type=int, default=trials)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--names", nargs="+", default=list(names))
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def print_table(
    curves: Mapping[str, Curve], trials: int, seeds: int, pool: Executor
) -> dict[str, NDArray[np.float64]]:
    """A line a curve, at each budget the mean over the seeds. Returned are seeds x trials."""
    budgets = [budget for budget in BUDGETS if budget <= trials]
    print("| controller |" + "".join(f" {budget} |" for budget in budgets))
    print("|---|" + "---:|" * len(budgets))
    found = {}
    for name, curve in curves.items():
        found[name] = np.array(list(pool.map(curve, range(seeds))))
        cells = [_cell(found[name][:, budget - 1]) for budget in budgets]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    return found


def _cell(values: NDArray[np.float64]) -> str:
    half = 1.96 * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return f"{values.mean():.3f} ± {half:.3f}"


if __name__ == "__main__":
    main()
