"""What scoring the leaders again and stopping early would buy, replayed on an audit's scores.

    python -m benchmarks.proxy_choices AUDIT [--metric soft_miou] [--fidelity LABEL]

AUDIT is the folder of a finished ``nas audit``. A search is judged by what the three that it would
promote come to in the reference: **shortfall** is the mean mIoU of the reference's best three less
that of the three chosen, in points, with the 95 % interval of a bootstrap over architectures; cost
is in proxy trainings a candidate.

*Leaders again*: the best K of one seed are trained with another, and the best means of the two are
chosen; both seeds take both parts. *ASHA*, and the mean over the last epochs, go by mIoU, of which
an audit keeps the curve, and need a fidelity that was validated after every epoch
(``evaluate_every: 1``): architectures come in 500 random orders, and one goes on after an epoch if
its score there is beyond two thirds of those that came before (asynchronous successive halving,
Li et al. 2020, arXiv 1810.05934). Its schedule was that of the whole training, so a stopped
training is one that was cut, as in a search.

Shapes: N architectures, S seeds, E epochs, R resamples.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.audited import Array, Audit
from benchmarks.proxy_signal import agreement, seed_to_seed
from nas.engines.halving import Halving
from nas.searching.audit import PROXY
from proxy_tasks.objectives import SCORES, Metric
from results.audit import tops, two_digits
from results.bootstrap import Estimate
from results.frontier import kendall
from search_space.errors import UserError

RESAMPLED = 1000
ORDERS = 500
FACTOR = 3
PROMOTED = 3

Places = NDArray[np.int64]
Choice = Callable[[Places], Places]
"""Of the architectures there are, repeated where drawn twice: those promoted, best first."""


def best(scores_N: Array) -> Choice:
    """By a single score."""
    return lambda held: held[np.argsort(-scores_N[held], kind="stable")][:PROMOTED]


def again(first_N: Array, second_N: Array, leaders: int) -> Choice:
    """By the mean of two among the first's ``leaders`` best."""

    def choose(held: Places) -> Places:
        leading = held[np.argsort(-first_N[held], kind="stable")][:leaders]
        return best(first_N + second_N)(leading)

    return choose


def shortfall(choices: Sequence[Choice], reference_N: Array) -> Estimate:
    """Mean over the ways of choosing, in points of mIoU."""

    def of(held: Places) -> float:
        most = reference_N[best(reference_N)(held)].mean()
        return 100 * float(np.mean([most - reference_N[each(held)].mean() for each in choices]))

    everything = np.arange(len(reference_N))
    rng = np.random.default_rng(0)
    drawn = [of(rng.choice(everything, len(everything))) for _ in range(RESAMPLED)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Estimate(of(everything), float(low), float(high))


def leader_rows(found: Audit, label: str, metric: Metric) -> Iterator[str]:
    """A row for each number of leaders."""
    scores_SN = found.scores_SN(label, metric)
    count = scores_SN.shape[1]
    once = shortfall([best(each_N) for each_N in scores_SN], found.reference_N)
    yield f"| none again | 1.00 | {two_digits(once)} |"
    for leaders in sorted({*tops(count), count} - {PROMOTED}):
        ways = [again(a_N, b_N, leaders) for a_N, b_N in permutations(scores_SN, 2)]
        cost = 1 + leaders / count
        yield f"| {leaders} again | {cost:.2f} | {two_digits(shortfall(ways, found.reference_N))} |"


def halved(scores_EN: Array, order: Places, grace: int) -> tuple[float, Places]:
    """Epochs trained, as a share of all, and those promoted, of one random order."""
    epochs, count = scores_EN.shape
    rungs = {rung.epochs: rung for rung in Halving("miou", epochs, grace, FACTOR).rungs()}
    spent, whole = 0, []
    for place in order:
        for epoch in range(1, epochs + 1):
            spent += 1
            rung, score = rungs.get(epoch), scores_EN[epoch - 1, place]
            if rung and rung.is_behind(int(place), float(score), FACTOR):
                break
        else:
            whole.append(place)
    return spent / (epochs * count), best(scores_EN[-1])(np.array(whole))


def curves_SEN(found: Audit, label: str) -> Array:
    """mIoU after every epoch; of no epoch where it was not validated after every one."""
    curves = np.array([[m.curve for m in leg] for leg in found.proxies[label]], dtype=float)
    return curves.transpose(0, 2, 1) if np.isfinite(curves).all() else curves[:, :0]


def asha_rows(found: Audit, curves: Array) -> Iterator[str]:
    """A row for each grace period: how far the score by then ranks as the last one, the epochs
    trained, and the shortfall. Last without any stopping."""
    rng, count = np.random.default_rng(0), curves.shape[2]
    most = found.reference_N[best(found.reference_N)(np.arange(count))].mean()
    for grace in range(1, curves.shape[1]):
        taus = np.mean([kendall(each[grace - 1], each[-1]) for each in curves])
        runs = [
            halved(each_EN, rng.permutation(count), grace)
            for each_EN in curves
            for _ in range(ORDERS)
        ]
        cost = np.mean([share for share, _ in runs])
        lost = 100 * np.mean([most - found.reference_N[chosen].mean() for _, chosen in runs])
        yield f"| {grace} | {taus:.2f} | {cost:.2f} | {lost:.2f} |"
    whole = shortfall([best(each_EN[-1]) for each_EN in curves], found.reference_N)
    yield f"| never stopped | 1.00 | 1.00 | {whole.value:.2f} |"


def mean_rows(found: Audit, curves: Array) -> Iterator[str]:
    """A row for each number of last evaluations of which the score is the mean."""
    for last in range(1, curves.shape[1]):
        scores_SN = curves[:, -last:].mean(axis=1)
        tau = two_digits(agreement(scores_SN, found.reference_N))
        yield f"| {last} | {seed_to_seed(scores_SN):.2f} | {tau} |"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.proxy_choices", description=__doc__)
    parser.add_argument("audit", type=Path, help="the folder of a finished audit")
    parser.add_argument("--metric", choices=SCORES, default="soft_miou")
    parser.add_argument("--fidelity", default=PROXY, help="label of a fidelity of its grid")
    given: Any = parser.parse_args(arguments)
    try:
        found = Audit.read(given.audit)
    except UserError as error:
        parser.error(str(error))
    if given.fidelity not in found.proxies:
        parser.error(f"no fidelity {given.fidelity}; there are {', '.join(found.proxies)}")
    by = SCORES[given.metric].score_name
    print(
        f"| chosen by {by} | trainings a candidate | shortfall, points of mIoU |\n|---|---:|---:|"
    )
    print("\n".join(leader_rows(found, given.fidelity, given.metric)))
    curves = curves_SEN(found, given.fidelity)
    if not curves.shape[1]:
        return
    print("\n| grace period | tau with the last epoch | epochs, of all | shortfall |")
    print("|---:|---:|---:|---:|")
    print("\n".join(asha_rows(found, curves)))
    print("\n| mean of the last | seed to seed | tau |\n|---:|---:|---:|")
    print("\n".join(mean_rows(found, curves)))


if __name__ == "__main__":
    main()
