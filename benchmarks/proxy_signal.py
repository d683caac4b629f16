"""What of a short training ranks architectures as a long one does: metrics, seeds, and no training.

    python -m benchmarks.proxy_signal AUDIT [--table TABLE] [--data ROOT]

AUDIT is the folder of a finished ``nas audit``, its grid's fidelities included as far as they were
trained. With TABLE, a file that benchmarks.proxy_scores wrote, the scores that it has of the same
architectures are judged too. With ROOT, the folder of the images, so are scores that need no
training (see ``training_free``), on a batch of 16.

Every agreement is with the reference's mIoU, the mean where it was trained with several seeds, by
Kendall's tau with the 95 % interval of a bootstrap over architectures: of one training, of the mean
score over the seeds, which is what scoring everything twice would buy, and of one training less
that of mIoU, on the same resamples.

Shapes: N architectures, S seeds, R resamples.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.audited import Array, Audit
from benchmarks.proxy_scores import load
from benchmarks.training_free import Setting, scores
from proxy_tasks.objectives import SCORES
from results import bootstrap
from results.audit import two_digits
from results.bootstrap import Estimate
from results.frontier import kendall, spearman
from search_space.errors import UserError

RESAMPLED = 2000
BATCH = 16


def agreement(scores_SN: Array, reference_N: Array) -> Estimate:
    """Kendall's tau of single trainings, mean over the seeds."""
    counts_RN = bootstrap.drawn(len(reference_N), RESAMPLED, seed=0)
    pairs = [(scores_N, reference_N) for scores_N in scores_SN]
    return bootstrap.estimate(pairs, kendall, bootstrap.taus, counts_RN)


def seed_to_seed(scores_SN: Array) -> float:
    """Spearman's correlation of the first two trainings; NaN of a single one."""
    return spearman(scores_SN[0], scores_SN[1]) if len(scores_SN) > 1 else float("nan")


def gain(scores_SN: Array, over_SN: Array, reference_N: Array) -> Estimate:
    """Tau of the first less that of the second, both means over seeds, on the same resamples."""
    counts_RN = bootstrap.drawn(len(reference_N), RESAMPLED, seed=0)

    def tau_R(many_SN: Array, counts: Array) -> Array:
        return np.mean([bootstrap.taus(each_N, reference_N, counts) for each_N in many_SN], axis=0)

    once_1N = np.ones((1, len(reference_N)))
    value = tau_R(scores_SN, once_1N)[0] - tau_R(over_SN, once_1N)[0]
    apart_R = tau_R(scores_SN, counts_RN) - tau_R(over_SN, counts_RN)
    low, high = np.nanpercentile(apart_R, (2.5, 97.5))
    return Estimate(float(value), float(low), float(high))


def metric_rows(found: Audit, label: str) -> Iterator[str]:
    """A row for each metric of a fidelity."""
    seconds = np.mean([each.seconds for leg in found.proxies[label] for each in leg])
    reference_N, miou_SN = found.reference_N, found.scores_SN(label, "miou")
    for metric in found.metrics(label):
        scores_SN = found.scores_SN(label, metric)
        cells = [
            f"{seed_to_seed(scores_SN):.2f}",
            two_digits(agreement(scores_SN, reference_N)),
            two_digits(agreement(scores_SN.mean(axis=0, keepdims=True), reference_N)),
            "" if metric == "miou" else _signed(gain(scores_SN, miou_SN, reference_N)),
        ]
        yield f"| {label} | {seconds:.0f} | {SCORES[metric].score_name} | {' | '.join(cells)} |"


def table_rows(found: Audit, path: Path) -> Iterator[str]:
    """A row for each metric of the table's scores, of the architectures that it has."""
    frame = load(path).frame.set_index("key")
    known_N = np.array([trial.key in frame.index for trial in found.trials_N])
    reference_N = found.reference_N[known_N]
    rows = frame.loc[[trial.key for trial in found.trials_N if trial.key in frame.index]]
    for metric in (metric for metric in SCORES if metric in frame):
        values_1N = SCORES[metric].sign * rows[metric].to_numpy(float)[None]
        tau = two_digits(agreement(values_1N, reference_N))
        yield f"| {SCORES[metric].score_name} | {len(rows)} | {tau} |"


def untrained_rows(found: Audit, root: Path) -> Iterator[str]:
    """A row for each score that needs no training."""
    recipe = replace(found.config.proxy.recipe, batch_size=BATCH)
    proxy = found.config.proxy.model_copy(update={"recipe": recipe})
    data = found.config.data.model_copy(update={"root": root})
    setting = Setting(found.config.model_copy(update={"data": data, "proxy": proxy}))
    rows = [scores(setting, trial.backbone) for trial in found.trials_N]
    for name in rows[0]:
        values_1N = np.array([[row[name].value for row in rows]])
        seconds = np.mean([row[name].seconds for row in rows])
        yield f"| {name} | {seconds:.2f} | {two_digits(agreement(values_1N, found.reference_N))} |"


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.2f} ({estimate.low:+.2f} to {estimate.high:+.2f})"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proxy_signal", description=__doc__)
    parser.add_argument("audit", type=Path, help="the folder of a finished audit")
    parser.add_argument("--table", type=Path, help="a file that benchmarks.proxy_scores wrote")
    parser.add_argument("--data", type=Path, help="the folder of its images")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        found = Audit.read(given.audit)
    except UserError as error:
        parser.error(str(error))
    taken = np.mean([trial.measurement.seconds for trial in found.trials_N if trial.measurement])
    print(f"{len(found.trials_N)} architectures, {taken:.0f} s of a reference training each\n")
    print("| fidelity | s | by | seed to seed | tau of one | tau of the seeds' mean | over mIoU |")
    print("|---|---:|---|---:|---:|---:|---:|")
    for label in found.proxies:
        print("\n".join(metric_rows(found, label)), flush=True)
    if given.table:
        print(f"\n| {given.table.name}, by | architectures | tau |\n|---|---:|---:|")
        print("\n".join(table_rows(found, given.table)), flush=True)
    if given.data:
        print("\n| without training | CPU s | tau |\n|---|---:|---:|")
        print("\n".join(untrained_rows(found, given.data)))


if __name__ == "__main__":
    main()
