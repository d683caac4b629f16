"""The controllers on the SpineNet-Seg space itself, against a model of recorded proxy scores.

    python -m benchmarks.oracle results/published/camvid-proxies.csv

An oracle, fitted to all scores, stands for the training: its value plus noise of the size of its
cross-validated residual is what a controller sees. It is of another kind than the predictor's own
model, so that no controller is judged by itself: extremely randomized trees and a ridge regression
on features and raw genes. Told is the oracle's value, without noise, of the architecture with the
best score seen, in percent of mIoU; the interval is 1.96 standard errors over the seeds.

How far this can be trusted is measured with two oracles fitted to disjoint halves of the scores.
Needs scikit-learn.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesRegressor,
    VotingRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.controllers import BUDGETS, add_options, held, print_table, searched
from benchmarks.proxy_scores import ProxyScores, load
from benchmarks.surrogate import (
    HeldOut,
    Indices,
    cross_validate,
    feature_groups,
    gene_groups,
    joined,
    penalised,
    regression,
    targets,
)
from nas.controllers import CONTROLLERS
from nas.controllers.gaussian_process import Array
from proxy_tasks.task import Measurement
from results.frontier import spearman
from search_space.cost import cost
from search_space.errors import UserError
from search_space.genes import Genotype, SearchSpace
from search_space.scales import Scale
from search_space.seeds import derive_seed

FRESH = 500
"""Random architectures on which two oracles are compared."""
COST = (Scale(), 11, (96, 128))
"""Scale, classes and size for the MACs that ``pareto`` is told."""


@dataclass(frozen=True)
class Oracle:
    """mIoU of any architecture of the space, as a model of recorded scores has it.

    ``held_out`` says what it would have said of those scores, and ``noise`` how far off it is.
    """

    space: SearchSpace
    regressor: Any
    held_out: HeldOut

    @property
    def noise(self) -> float:
        """Root of the mean squared held-out residual, in mIoU."""
        return float(np.sqrt(np.mean((self.held_out.truth_RN - self.held_out.mean_RN) ** 2)))

    @property
    def correlation(self) -> float:
        """Cross-validated, Spearman's."""
        return self.held_out.agreement(spearman, np.arange(self.held_out.truth_RN.shape[1]))

    def values(self, genotypes: Sequence[Genotype]) -> Array:
        """Without noise."""
        return np.asarray(self.regressor.predict(columns(self.space, genotypes)))

    def measurement(self, genotype: Genotype, seed: int) -> tuple[Measurement, float]:
        """What a training would say, and the value behind its noise."""
        value = float(self.values([genotype])[0])
        rng = np.random.default_rng(derive_seed(seed, "noise", self.space.key(genotype)))
        found = cost(self.space.decode(genotype), *COST)
        score = value + self.noise * float(rng.standard_normal())
        return Measurement(1, found.macs, found.parameters, 1.0, miou=score), value


@dataclass(frozen=True)
class Study:
    """One line of the result: a controller with so many trials in flight."""

    oracle: Oracle
    name: str
    in_flight: int
    trials: int

    def incumbents(self, seed: int) -> Array:
        """Value of the architecture with the best score after 1, 2, ... trials, in percent."""
        values: dict[Genotype, float] = {}

        def measure(genotype: Genotype) -> Measurement:
            measurement, values[genotype] = self.oracle.measurement(genotype, seed)
            return measurement

        space = self.oracle.space
        ended = searched(self.name, space, measure, self.trials, self.in_flight, seed)
        found, best = [], -np.inf
        for trial in ended:
            assert trial.genotype is not None  # candidates are told, not baselines
            assert trial.score is not None
            if trial.score > best:
                best, value = trial.score, values[trial.genotype]
            found.append(100 * value)
        return held(np.array(found), self.trials)


def columns(space: SearchSpace, genotypes: Sequence[Genotype]) -> Array:
    """Features first, then raw genes."""
    groups = (feature_groups(space, genotypes), gene_groups(space.genes, genotypes))
    return np.concatenate([joined(group) for group in groups], axis=1)


def ensemble(features: int) -> Any:
    """Trees, which never leave the range of the scores, and a linear model, which does. The first
    ``features`` columns are standardised for it; rare genes would be blown up."""
    trees = ExtraTreesRegressor(100, min_samples_leaf=3, max_features=1 / 3, random_state=0)
    scaled = ColumnTransformer(
        [("features", StandardScaler(), slice(0, features))], remainder="passthrough"
    )
    return VotingRegressor([("trees", trees), ("ridge", make_pipeline(scaled, penalised()))])


def fit(table: ProxyScores, rows_N: Indices) -> Oracle:
    """The oracle of these rows."""
    x_NF = columns(table.space, [table.genotypes[row] for row in rows_N])
    values_N = targets(table)["mIoU"][rows_N]
    genes = sum(gene.radix for gene in table.space.genes)
    make = partial(ensemble, x_NF.shape[1] - genes)
    held_out = cross_validate(x_NF, values_N, partial(regression, make), _as_they_are)
    return Oracle(table.space, make().fit(x_NF, values_N), held_out)


def halves(count: int) -> tuple[Indices, Indices]:
    """Two disjoint halves at random."""
    order = np.random.default_rng(0).permutation(count)
    return order[: count // 2], order[count // 2 :]


def compare(oracle: Oracle, in_flight: int, given: argparse.Namespace, pool: Executor) -> Any:
    """Print the table of all controllers; incumbents of each, seeds x trials."""
    studies = {name: Study(oracle, name, in_flight, given.trials) for name in given.names}
    curves = {name: study.incumbents for name, study in studies.items()}
    return print_table(curves, given.trials, given.seeds, pool)


def order_agreement(a: dict[str, Array], b: dict[str, Array], budget: int) -> float:
    """Spearman between two rankings of the controllers by their mean after ``budget`` trials."""
    means = [[found[name][:, budget - 1].mean() for name in a] for found in (a, b)]
    return spearman(*means)


def same_pairs(a: dict[str, Array], b: dict[str, Array], budget: int) -> tuple[int, int]:
    """Of the pairs of controllers whose 95 % intervals of the difference leave 0 out under ``a``:
    how many are in the same order under ``b``, and how many there are."""
    same = apart = 0
    for first, second in combinations(a, 2):
        under_a, under_b = (f[first][:, budget - 1] - f[second][:, budget - 1] for f in (a, b))
        error = under_a.std(ddof=1) / np.sqrt(len(under_a)) if len(under_a) > 1 else np.inf
        if abs(under_a.mean()) > 1.96 * error:
            apart += 1
            same += int(under_a.mean() * under_b.mean() > 0)
    return same, apart


def report_fit(table: ProxyScores, oracle: Oracle) -> None:
    low, high = oracle.held_out.interval(spearman)
    scores = 100 * targets(table)["mIoU"]
    fitted = 100 * oracle.values(table.genotypes)
    print(
        f"\nThe oracle: {len(scores)} scores of {scores.mean():.2f} ± {scores.std():.2f} %, values"
        f" of {fitted.mean():.2f} ± {fitted.std():.2f} %, noise {100 * oracle.noise:.2f} %;"
        f" cross-validated Spearman {oracle.correlation:.2f} ({low:.2f} to {high:.2f})"
    )


def report_extrapolation(table: ProxyScores, oracle: Oracle, found: dict[str, Array]) -> None:
    """By how much the best of all searches lies above what was ever measured."""
    best = max(float(values.max()) for values in found.values())
    measured = 100 * float(targets(table)["mIoU"].max())
    fitted = 100 * float(oracle.values(table.genotypes).max())
    print(
        f"\nThe best value that a search had is {best:.2f} %: {best - fitted:+.2f} from the highest"
        f" value of a measured architecture ({fitted:.2f} %), {best - measured:+.2f} from the"
        f" highest score ({measured:.2f} %), with a noise of {100 * oracle.noise:.2f} %"
    )


def report_trust(table: ProxyScores, given: argparse.Namespace, pool: Executor) -> None:
    """Two oracles of disjoint halves: whether they agree, and rank the controllers alike."""
    rows = halves(len(table.genotypes))
    oracles = [fit(table, half) for half in rows]
    scores = targets(table)["mIoU"]
    for (own, other), oracle in zip((rows, rows[::-1]), oracles, strict=True):
        said = oracle.values([table.genotypes[row] for row in other])
        print(
            f"\nAn oracle of {len(own)} scores: Spearman with the other half's scores"
            f" {spearman(said, scores[other]):.2f}"
        )
    rng = np.random.default_rng(0)
    fresh = [table.space.sample(rng) for _ in range(FRESH)]
    agreement = spearman(*(oracle.values(fresh) for oracle in oracles))
    print(f"\nSpearman between the two on {FRESH} random architectures: {agreement:.2f}")
    found = []
    for number, oracle in enumerate(oracles, start=1):
        print(f"\nOracle of half {number}, {given.in_flight[0]} in flight, {given.seeds} seeds\n")
        found.append(compare(oracle, given.in_flight[0], given, pool))
    print("\n| trials | Spearman of the rankings | pairs apart under half 1 in the same order |")
    print("|---:|---:|---:|")
    for budget in (budget for budget in BUDGETS if budget <= given.trials):
        alike = order_agreement(found[0], found[1], budget)
        same, apart = same_pairs(found[0], found[1], budget)
        print(f"| {budget} | {alike:.2f} | {same} of {apart} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", help="a file that benchmarks.proxy_scores wrote")
    add_options(parser, trials=200, names=list(CONTROLLERS))
    given = parser.parse_args()
    try:
        table = load(given.table)
    except UserError as error:
        parser.error(str(error))
    oracle = fit(table, np.arange(len(table.genotypes)))
    report_fit(table, oracle)
    with ProcessPoolExecutor(given.processes) as pool:
        for in_flight in given.in_flight:
            print(f"\n{in_flight} in flight, {given.seeds} seeds\n")
            report_extrapolation(table, oracle, compare(oracle, in_flight, given, pool))
        report_trust(table, given, pool)


def _as_they_are(_: Array, values_M: Array) -> Array:
    return values_M


if __name__ == "__main__":
    main()
