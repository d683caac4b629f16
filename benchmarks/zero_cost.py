"""What scores that need no training tell of a proxy's, and whether a surrogate gains by them.

    python -m benchmarks.zero_cost TABLE [--data ROOT] [--count N] [--steps 1 8]

TABLE is a file that benchmarks.proxy_scores wrote; ROOT is the folder of its images, unless they
are procedural scenes. The scores are those of ``training_free``. Needs scikit-learn.

**Agreement**: Spearman with what the table holds and with log MACs, with the 95 % interval of a
bootstrap over architectures, and the CPU seconds that one network takes.

**Gain**: cross-validated Spearman of the predictor's process (see benchmarks.surrogate) with the
score as one more group of features, less that without it, on the same folds. The interval is a
bootstrap over architectures, processes not fitted again. The rivals are among the features already.

Shapes: N architectures, R resamples.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri

from benchmarks import surrogate
from benchmarks.proxy_scores import ProxyScores, load
from benchmarks.surrogate import Groups, HeldOut, cross_validate, normal_scores, process_model
from benchmarks.training_free import Score, Setting, scores
from results import bootstrap
from results.bootstrap import Estimate
from results.frontier import mean_ranks, spearman
from search_space.errors import UserError

RESAMPLED = 2000

Array = NDArray[np.float64]


def targets(table: ProxyScores) -> dict[str, Array]:
    """What a score should tell, more is better."""
    train_loss = table.frame["train_loss"].to_numpy(float)
    return {**surrogate.targets(table), "-train loss": -train_loss}


def agreement(score_N: Array, target_N: Array) -> Estimate:
    counts_RN = bootstrap.drawn(len(score_N), RESAMPLED, seed=0)
    return bootstrap.estimate([(score_N, target_N)], spearman, bootstrap.spearmans, counts_RN)


def held_out(groups: Groups, target_N: Array) -> HeldOut:
    """The predictor's process on these groups, cross-validated."""
    model = process_model("process", groups)
    return cross_validate(model.columns_NF, target_N, model.fit, normal_scores)


def resampled(held: HeldOut) -> Array:
    """Its Spearman, then that of as many draws of architectures, the same for every process."""
    count = held.truth_RN.shape[1]
    drawn = np.random.default_rng(0).integers(count, size=(surrogate.RESAMPLED, count))
    return np.array([held.agreement(spearman, each) for each in (np.arange(count), *drawn)])


def gain(richer: Array, plain: Array) -> Estimate:
    """Of one process over another, both ``resampled``."""
    value, *others = richer - plain
    low, high = np.percentile(others, (2.5, 97.5))
    return Estimate(float(value), float(low), float(high))


def as_group(columns: Sequence[Array]) -> Array:
    """Scores as features, (N, columns): normal scores of their ranks, whatever their scale."""
    return np.stack([ndtri((mean_ranks(x_N) - 0.5) / len(x_N)) for x_N in columns], axis=1)


def print_agreement(found: Mapping[str, list[Score]], wanted: Mapping[str, Array]) -> None:
    print(f"| score | CPU s | {' | '.join(wanted)} | log MACs |\n|---|---:|" + "---:|" * 4)
    macs_N = _values(found["log MACs"])
    for name, per_network in found.items():
        seconds = np.mean([score.seconds for score in per_network])
        score_N = _values(per_network)
        cells = [_cell(agreement(score_N, target_N)) for target_N in (*wanted.values(), macs_N)]
        print(f"| {name} | {seconds:.3f} | {' | '.join(cells)} |", flush=True)


def print_gain(
    found: Mapping[str, list[Score]], wanted: Mapping[str, Array], features: Groups
) -> None:
    """The process without scores first, then what each of them adds, then all of them."""
    plain = {name: resampled(held_out(features, target)) for name, target in wanted.items()}
    known = [f"{correlations[0]:.2f}" for correlations in plain.values()]
    print(f"\n| added to the process | {' | '.join(wanted)} |\n|---|" + "---:|" * len(wanted))
    print(f"| nothing: its Spearman | {' | '.join(known)} |", flush=True)
    columns = {
        name: [_values(per_network)]
        for name, per_network in found.items()
        if not name.startswith("log ")
    }
    together = [score_N for (score_N,) in columns.values()]
    for name, added in {**columns, "all of them": together}.items():
        groups = {**features, "score": as_group(added)}
        richer = [resampled(held_out(groups, target_N)) for target_N in wanted.values()]
        cells = [_cell(gain(*pair), "+") for pair in zip(richer, plain.values(), strict=True)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _values(per_network: Sequence[Score]) -> Array:
    return np.array([score.value for score in per_network])


def _cell(found: Estimate, sign: str = "") -> str:
    return f"{found.value:{sign}.2f} ({found.low:{sign}.2f} to {found.high:{sign}.2f})"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zero_cost", description=__doc__)
    parser.add_argument("table", type=Path, help="a file that benchmarks.proxy_scores wrote")
    parser.add_argument("--data", type=Path, help="the folder of its images")
    parser.add_argument("--count", type=int, help="only the first so many of its networks")
    parser.add_argument("--steps", type=int, nargs="+", default=(), help="of training, if any")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        table = load(given.table)
        data = table.config.data.model_copy(update={"root": given.data})
        setting = Setting(table.config.model_copy(update={"data": data}), given.steps)
    except UserError as error:
        parser.error(str(error))
    genotypes, frame = table.genotypes[: given.count], table.frame[: given.count]
    table = replace(table, genotypes=genotypes, frame=frame)
    rows = [scores(setting, table.space.decode(genotype)) for genotype in genotypes]
    found = {name: [row[name] for row in rows] for name in rows[0]}
    trained = frame["seconds"].mean()
    print(f"{len(rows)} networks, {trained:.1f} s of training each; Spearman (95 % interval)\n")
    print_agreement(found, targets(table))
    print_gain(found, targets(table), surrogate.feature_groups(table.space, table.genotypes))


if __name__ == "__main__":
    main()
