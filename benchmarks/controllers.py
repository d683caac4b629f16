"""Simple regret of every controller on a benchmark table, beside Optuna's samplers used directly.

    python -m benchmarks.controllers --table nas-bench-macro.json

Regret is the table's best accuracy less the best found so far, in the order in which trials end;
the interval is 1.96 standard errors over the seeds.
"""

from __future__ import annotations

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from benchmarks import rivals
from benchmarks.simulation import simulate
from nas.controllers import CONTROLLERS, make
from proxy_tasks.task import Measurement
from search_space.genes import Genotype
from search_space.tabular import TabularSpace, load_table

BUDGETS = (25, 50, 100, 200, 400)


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
        best_so_far = np.maximum.accumulate(scores)
        held = np.full(self.trials, best_so_far[-1])  # a space may end before the budget
        held[: len(best_so_far)] = best_so_far
        return np.asarray(_best(self.table) - held)

    def _scores(self, space: TabularSpace, seed: int) -> list[float]:
        measure = partial(accuracy, space)
        if self.name in rivals.RIVALS:
            return rivals.RIVALS[self.name](space, measure, self.trials, self.in_flight, seed)
        options = {"objectives": ("miou", "macs")} if self.name == "pareto" else {}
        controller = make(self.name, space, seed, **options)
        ended = simulate(controller, space, measure, self.trials, self.in_flight, seed)
        return [trial.score or 0.0 for trial in ended]


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
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--in-flight", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--names", nargs="+", default=[*CONTROLLERS, *rivals.RIVALS])
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    budgets = [budget for budget in BUDGETS if budget <= given.trials]
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(given.processes) as pool:
        for in_flight in given.in_flight:
            print(f"\n{in_flight} in flight, {given.seeds} seeds\n")
            print("| controller |" + "".join(f" {budget} |" for budget in budgets))
            print("|---|" + "---:|" * len(budgets))
            for name in given.names:
                study = Study(given.table, name, in_flight, given.trials)
                regrets = np.array(list(pool.map(study.regrets, range(given.seeds))))
                print(
                    f"| {name} |" + "".join(f" {_cell(regrets[:, b - 1])} |" for b in budgets),
                    flush=True,
                )


def _cell(regrets: NDArray[np.float64]) -> str:
    half = 1.96 * regrets.std(ddof=1) / np.sqrt(len(regrets)) if len(regrets) > 1 else 0.0
    return f"{regrets.mean():.3f} ± {half:.3f}"


if __name__ == "__main__":
    main()
