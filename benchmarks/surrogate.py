"""How well a surrogate ranks architectures that it has not seen, cross-validated on proxy scores.

    python -m benchmarks.surrogate results/published/camvid-proxies.csv

Five folds, five times over. All models are fitted to normal scores of the training folds' ranks, as
the predictor does it. Correlations are taken within each held-out fold and averaged: pooled over
folds, a model that knows nothing would seem to rank backwards. The interval is a bootstrap over
architectures, models not fitted again. Needs scikit-learn.

Shapes: N architectures, F features, R repetitions, M held-out architectures.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import norm
from sklearn.ensemble import (
    GradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.proxy_scores import ProxyScores, load
from nas.controllers.gaussian_process import Array, GaussianProcess, fit_kernel
from results.frontier import kendall, spearman
from search_space.errors import UserError
from search_space.genes import Gene, Genotype, SearchSpace

FOLDS, REPEATS, RESAMPLED = 5, 5, 200
PENALTIES = np.logspace(-1, 4, 11)

Indices = NDArray[np.int64]
Groups = dict[str, Array]
"""Named groups of columns, each N x its own width."""
Fit = Callable[[Array, Array, Array], tuple[Array, Array | None]]
"""(features, values, held-out features) -> mean and, where known, deviation of each held-out value,
noise included."""
Rescale = Callable[[Array, Array], Array]
"""(training values, values) -> the values on the scale that a model is fitted on."""


@dataclass(frozen=True)
class Model:
    """What is fitted, and the N x F that it sees of the whole table."""

    name: str
    columns_NF: Array
    fit: Fit


@dataclass(frozen=True)
class HeldOut:
    """Of every architecture in every repetition: what the model that did not see it said."""

    truth_RN: Array
    mean_RN: Array
    deviation_RN: Array | None
    fold_RN: Array

    def agreement(self, statistic: Callable[[Array, Array], float], chosen_N: Indices) -> float:
        """The statistic's mean over all held-out folds, of the ``chosen_N`` (indices) only.

        A fold in which all are told to be the same counts as 0: nothing was said of the order.
        """
        found = []
        for truth_N, mean_N, fold_N in zip(self.truth_RN, self.mean_RN, self.fold_RN, strict=True):
            for fold in range(FOLDS):
                inside = chosen_N[fold_N[chosen_N] == fold]
                found.append(statistic(truth_N[inside], mean_N[inside]))
        return float(np.nan_to_num(found).mean())

    def interval(
        self, statistic: Callable[[Array, Array], float], level: float = 0.95
    ) -> tuple[float, float]:
        """Percentiles of the statistic over resampled architectures."""
        count, rng = self.truth_RN.shape[1], np.random.default_rng(0)
        drawn_BN = rng.integers(count, size=(RESAMPLED, count))
        found = [self.agreement(statistic, chosen_N) for chosen_N in drawn_BN]
        low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    def covered(self, share: float) -> float:
        """How many held-out values lie within the central interval that should hold ``share``."""
        assert self.deviation_RN is not None  # of a model that knows its doubt
        off_RN = np.abs(self.truth_RN - self.mean_RN) / self.deviation_RN
        return float((off_RN <= ndtri((1 + share) / 2)).mean())

    def log_density(self) -> float:
        """Mean log predictive density of the held-out values."""
        return float(norm.logpdf(self.truth_RN, self.mean_RN, self.deviation_RN).mean())


def cross_validate(columns_NF: Array, values_N: Array, fit: Fit, rescale: Rescale) -> HeldOut:
    """The same splits for every model."""
    rows = []
    for repeat in range(REPEATS):
        fold_N = np.random.default_rng(repeat).permutation(len(values_N)) % FOLDS
        truth_N, mean_N, deviation_N = np.zeros((3, len(values_N)))
        for fold in range(FOLDS):
            out, seen = fold_N == fold, fold_N != fold
            values = rescale(values_N[seen], values_N[seen])
            truth_N[out] = rescale(values_N[seen], values_N[out])
            mean, deviation = fit(columns_NF[seen], values, columns_NF[out])
            mean_N[out] = mean
            deviation_N[out] = np.nan if deviation is None else deviation
        rows.append((truth_N, mean_N, deviation_N, fold_N))
    truth_RN, mean_RN, deviation_RN, fold_RN = (np.array(each) for each in zip(*rows, strict=True))
    known = None if np.isnan(deviation_RN).any() else deviation_RN
    return HeldOut(truth_RN, mean_RN, known, fold_RN)


def normal_scores(seen_N: Array, values_M: Array) -> Array:
    """Where values lie among those seen, as quantiles of the standard normal.

    Of the values seen themselves these are the predictor's normal scores.
    """
    ordered = np.sort(seen_N)
    below = np.searchsorted(ordered, values_M, "left") + np.searchsorted(ordered, values_M, "right")
    inside = np.clip(below / 2, 0.25, len(seen_N) - 0.25)
    return np.asarray(ndtri(inside / len(seen_N)))


def gaussian_process(
    groups: Sequence[slice], seen_NF: Array, values_N: Array, out_MF: Array
) -> Any:
    """The predictor's model: its kernel fitted, its doubt with the noise of a single training."""
    kernel = fit_kernel(seen_NF, values_N, groups)
    process = GaussianProcess(kernel, seen_NF, values_N)
    mean_M, deviation_M = process.predict(out_MF)
    return mean_M, np.sqrt(deviation_M**2 + process.signal * kernel.noise)


def regression(
    make: Callable[[], Any], seen_NF: Array, values_N: Array, out_MF: Array
) -> tuple[Array, None]:
    """Any regressor of scikit-learn's."""
    return make().fit(seen_NF, values_N).predict(out_MF), None


def feature_groups(space: SearchSpace, genotypes: Sequence[Genotype]) -> Groups:
    """What the predictor is told."""
    rows = [space.features(genotype) for genotype in genotypes]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def gene_groups(genes: Sequence[Gene], genotypes: Sequence[Genotype]) -> Groups:
    """Raw genes, one column a value; those that decide the same of different blocks together."""
    found: dict[str, list[Array]] = {}
    for gene, values in zip(genes, zip(*genotypes, strict=True), strict=True):
        kind = next(part for part in gene.name.split(".") if part.isalpha())
        found.setdefault(kind, []).append(np.eye(gene.radix)[list(values)] / np.sqrt(2))
    return {kind: np.concatenate(columns, axis=1) for kind, columns in found.items()}


def joined(groups: Mapping[str, Array]) -> Array:
    return np.concatenate(list(groups.values()), axis=1)


def process_model(name: str, groups: Groups) -> Model:
    """The predictor's process on these groups."""
    ends = np.cumsum([group.shape[1] for group in groups.values()]).tolist()
    slices = tuple(slice(a, b) for a, b in zip([0, *ends[:-1]], ends, strict=True))
    return Model(name, joined(groups), partial(gaussian_process, slices))


def models(table: ProxyScores) -> list[Model]:
    """The predictor's own process first, then what it might be without, then its rivals."""
    features = feature_groups(table.space, table.genotypes)
    genes = gene_groups(table.space.genes, table.genotypes)
    logs = np.log(table.frame[["macs", "parameters"]].to_numpy(dtype=float))
    everything = joined(features)
    return [
        process_model("process on features", features),
        process_model("process on raw genes", genes),
        *(process_model(f"process on {name} alone", {name: features[name]}) for name in features),
        Model("line through log MACs", logs[:, :1], partial(regression, LinearRegression)),
        Model("line through log parameters", logs[:, 1:], partial(regression, LinearRegression)),
        Model("ridge on features", everything, partial(regression, ridge)),
        Model("random forest on features", everything, partial(regression, forest)),
        Model("boosted trees on features", everything, partial(regression, boosted)),
    ]


def ridge() -> Any:
    return make_pipeline(StandardScaler(), penalised())


def penalised() -> Any:
    """Its penalty is chosen by leaving one out."""
    return RidgeCV(PENALTIES)


def forest() -> Any:
    return RandomForestRegressor(100, min_samples_leaf=3, max_features=1 / 3, random_state=0)


def boosted() -> Any:
    return GradientBoostingRegressor(
        n_estimators=200, learning_rate=0.05, max_depth=3, subsample=0.5, random_state=0
    )


def targets(table: ProxyScores) -> dict[str, Array]:
    """What may be predicted, more is better."""
    frame = table.frame
    return {"mIoU": frame["miou"].to_numpy(float), "-loss": -frame["loss"].to_numpy(float)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", help="a file that benchmarks.proxy_scores wrote")
    given = parser.parse_args()
    try:
        table = load(given.table)
    except UserError as error:
        parser.error(str(error))
    compared = models(table)
    for target, values_N in targets(table).items():
        print(f"\n{target}: {len(values_N)} proxy scores, {REPEATS} times {FOLDS} folds\n")
        print("| model | Spearman | Kendall |\n|---|---:|---:|")
        for model in compared:
            held = cross_validate(model.columns_NF, values_N, model.fit, normal_scores)
            cells = (_cell(held, spearman), _cell(held, kendall))
            print(f"| {model.name} | {' | '.join(cells)} |", flush=True)
        print(f"\n{_calibration(compared[0], values_N)}")


def _cell(held: HeldOut, statistic: Callable[[Array, Array], float]) -> str:
    everyone = np.arange(held.truth_RN.shape[1])
    low, high = held.interval(statistic)
    return f"{held.agreement(statistic, everyone):.2f} ({low:.2f} to {high:.2f})"


def _calibration(model: Model, values_N: Array) -> str:
    """The doubt of the process, in normal scores; a constant predictor says N(0, 1)."""
    held = cross_validate(model.columns_NF, values_N, model.fit, normal_scores)
    constant = float(norm.logpdf(held.truth_RN).mean())
    return (
        f"{model.name}: {held.covered(0.5):.0%} of the held-out values within its 50 % intervals,"
        f" {held.covered(0.9):.0%} within its 90 % intervals; mean log predictive density"
        f" {held.log_density():.3f}, of a constant predictor {constant:.3f}"
    )


if __name__ == "__main__":
    main()
