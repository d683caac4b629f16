"""How far a proxy can be trusted: short trainings judged against long ones. numpy only.

Every figure is of a *single* proxy training, which is what a search pays for, and the mean over
the seeds of the audit. The reference is the mean of its own trainings, whose noise lowers every
agreement with it; from two on, their agreement with each other says by how much.

Intervals are 95 % percentile bootstraps over architectures (see ``bootstrap``).

Shapes: N architectures, S seeds of the proxy, T of the reference, R resamples, M trials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from results import bootstrap
from results.bootstrap import Estimate, Floats
from results.frontier import kendall, spearman
from results.units import three_digits

NEARLY = 0.6
"""A tau from which the proxy ranks nearly as the reference: four of five pairs in its order."""
REAL = 1.96 * float(np.sqrt(2.0))
"""Deviations of noise by which two single scores differ in 5 % of the cases by chance."""


@dataclass(frozen=True, eq=False)  # arrays have no one truth value to be equal by
class Audited:
    """Scores of the same N architectures, all to be maximised; seconds of one training each."""

    keys: tuple[str, ...]
    proxy_SN: Floats
    reference_TN: Floats
    proxy_seconds: float
    reference_seconds: float

    @property
    def reference_N(self) -> Floats:
        """What the proxy is judged against."""
        return self.reference_TN.mean(axis=0)


@dataclass(frozen=True)
class Verdict:
    """What an audit found. Scores are in the metric's own unit.

    Attributes:
        seed_to_seed: Spearman's correlation of two seeds of the proxy, mean over pairs of seeds.
        tau: Kendall's tau-b of the proxy and the reference.
        spearman: Spearman's correlation of the two.
        recall: k -> share of the reference's k best that are among the proxy's k best.
        regret: what choosing by the proxy costs: the reference's best score less the reference's
            score of the proxy's best.
        noise: Standard deviation of a proxy score between seeds, shifts of all scores left out.
        real_difference: A difference between two proxy scores is real above it.
        signal: Standard deviation between architectures, the noise's variance taken off.
        cost_ratio: Seconds of one reference training for one of the proxy.
        reference_tau: Kendall's tau-b of two reference trainings with each other, mean over their
            pairs: what ranking by one of them would reach against another. None of a single one.
    """

    architectures: int
    seed_to_seed: Estimate
    tau: Estimate
    spearman: Estimate
    recall: Mapping[int, Estimate]
    regret: Estimate
    noise: float
    real_difference: float
    signal: float
    cost_ratio: float
    reference_tau: Estimate | None = None


def judge(audited: Audited, seed: int = 0, resamples: int = 2000) -> Verdict:
    """The audit's figures with their intervals; the same for the same seed.

    Noise and signal are the components of a two-way layout with random effects, architectures by
    seeds: noise² is the mean square of what is left of x_sn after the means of its row and column,
    the signal's variance that of the architectures' means less noise²/S, or 0. A shift that a seed
    gives to all architectures alike is no noise: trials of one search share their seed. Tau-b,
    which allows for ties, is Kendall's of 1945 (Biometrika 33).

    Measured on normal scores, 300 audits each: the intervals of the correlations hold the truth
    in 93 to 98 % of audits of 6 to 48 architectures, those of the recall in 95 % or more of 24;
    the regret's in 78 to 92 %, as bootstraps of extremes fall short.

    Raises:
        ValueError: for fewer than 3 architectures, 2 seeds or 100 resamples, shapes that do not
            fit, repeated keys, scores or seconds that are no numbers, and constant scores.
    """
    if resamples < 100:
        raise ValueError(f"an interval needs at least 100 resamples but got {resamples}")
    proxy_SN, reference_TN = _checked(audited)
    count = len(audited.keys)
    counts_RN = bootstrap.drawn(count, resamples, seed)
    between, references = (list(combinations(rows, 2)) for rows in (proxy_SN, reference_TN))
    reference_N = reference_TN.mean(axis=0)
    against = [(scores_N, reference_N) for scores_N in proxy_SN]
    noise = _residual(proxy_SN)
    variance = proxy_SN.mean(axis=0).var(ddof=1) - noise**2 / len(proxy_SN)
    return Verdict(
        architectures=count,
        seed_to_seed=bootstrap.estimate(between, spearman, bootstrap.spearmans, counts_RN),
        tau=bootstrap.estimate(against, kendall, bootstrap.taus, counts_RN),
        spearman=bootstrap.estimate(against, spearman, bootstrap.spearmans, counts_RN),
        recall={
            k: bootstrap.estimate(against, bootstrap.once(rule), rule, counts_RN)
            for k, rule in ((k, partial(bootstrap.recalls, k=k)) for k in tops(count))
        },
        regret=bootstrap.estimate(
            against, bootstrap.once(bootstrap.regrets), bootstrap.regrets, counts_RN
        ),
        noise=noise,
        real_difference=REAL * noise,
        signal=float(np.sqrt(max(variance, 0.0))),
        cost_ratio=audited.reference_seconds / audited.proxy_seconds,
        reference_tau=bootstrap.estimate(references, kendall, bootstrap.taus, counts_RN)
        if references
        else None,
    )


def _residual(scores_SN: Floats) -> float:
    """Root of the mean square that neither seeds nor architectures explain."""
    seeds, count = scores_SN.shape
    left_SN = scores_SN - scores_SN.mean(axis=0) - scores_SN.mean(axis=1, keepdims=True)
    left_SN += scores_SN.mean()
    return float(np.sqrt((left_SN**2).sum() / ((seeds - 1) * (count - 1))))


def tops(architectures: int) -> tuple[int, ...]:
    """The k of the recalls: an eighth, a quarter and a half of the architectures, from 1 up."""
    return tuple(sorted({max(1, int(architectures / part + 0.5)) for part in (8, 4, 2)}))


def within_noise(scores_M: ArrayLike, noise: float) -> NDArray[np.bool_]:
    """Mask of the scores, to be maximised, that are indistinguishable from the best: it and
    those within 1.96 √2 noise of it. A NaN never is.

    Raises:
        ValueError: if the noise is no number from 0 up.
    """
    if not 0 <= noise < np.inf:
        raise ValueError(f"noise must be a number from 0 up but got {noise}")
    scores = np.asarray(scores_M, dtype=np.float64)
    best = np.max(scores, initial=-np.inf, where=~np.isnan(scores))
    return np.asarray(scores >= best - REAL * noise)


def cheapest(verdicts: Mapping[str, Verdict], wanted: float = NEARLY) -> str | None:
    """Name of the cheapest fidelity whose tau is the wanted one or more; None if none's is."""
    reaching = [name for name, verdict in verdicts.items() if verdict.tau.value >= wanted]
    return max(reaching, key=lambda name: verdicts[name].cost_ratio, default=None)


def lines(verdict: Verdict, metric: str, reference: str = "mIoU") -> list[str]:
    """The verdict in plain sentences; the last is the judgement.

    ``metric`` names the proxy's score, ``reference`` that of the reference.
    """
    v, regret = verdict, verdict.regret
    return [
        f"{v.architectures} architectures; a reference training takes {v.cost_ratio:.1f} times as "
        "long as a proxy training.",
        f"Two seeds of the proxy: Spearman {two_digits(v.seed_to_seed)}.",
        f"One proxy training against the reference: Kendall's tau {two_digits(v.tau)}, "
        f"Spearman {two_digits(v.spearman)}.",
        *_reference_line(v.reference_tau),
        *(_recall_line(k, share, k / v.architectures) for k, share in v.recall.items()),
        f"The proxy's best falls short of the reference's best by {three_digits(regret.value)} "
        f"{reference} ({three_digits(regret.low)} to {three_digits(regret.high)}) there.",
        f"Standard deviation of {metric} at the proxy: {three_digits(v.noise)} between seeds, "
        f"{three_digits(v.signal)} between architectures.",
        f"A difference between two trials is real above {three_digits(v.real_difference)} "
        f"{metric}.",
        judgement(v),
    ]


def _reference_line(tau: Estimate | None) -> list[str]:
    if tau is None:
        return []
    return [f"One reference training against another: Kendall's tau {two_digits(tau)}."]


def _recall_line(k: int, share: Estimate, chance: float) -> str:
    value, low, high = (f"{100 * x:.0f}" for x in (share.value, share.low, share.high))
    return (
        f"Of the reference's {k} best, {value} % ({low} to {high} %) are among the proxy's {k} "
        f"best; by chance it would be {100 * chance:.0f} %."
    )


def judgement(verdict: Verdict) -> str:
    """One sentence, from tau: its interval has to leave out 0, and its value to reach `NEARLY`."""
    tau = verdict.tau
    if tau.low <= 0 <= tau.high:
        return "The proxy's ranking is indistinguishable from chance."
    if tau.high < 0:
        return "The proxy's ranking runs against the reference's."
    nearly = "nearly" if tau.value >= NEARLY else "only roughly"
    return f"The proxy ranks architectures {nearly} as the reference does."


def two_digits(estimate: Estimate) -> str:
    """0.62 (0.43 to 0.77)."""
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def to_dict(verdict: Verdict) -> dict[str, Any]:
    """Plain JSON types, without what is not known."""
    known = {name: value for name, value in asdict(verdict).items() if value is not None}
    return {**known, "recall": {str(k): asdict(e) for k, e in verdict.recall.items()}}


def from_dict(data: Mapping[str, Any]) -> Verdict:
    """The verdict that `to_dict` wrote.

    Raises:
        ValueError: if it is not one.
    """
    try:
        given: dict[str, Any] = {
            name: _read_estimate(value) if name in _ESTIMATES else float(value)
            for name, value in data.items()
            if name not in ("architectures", "recall")
        }
        recall = {int(k): _read_estimate(value) for k, value in data["recall"].items()}
        given["recall"] = dict(sorted(recall.items()))
        return Verdict(architectures=int(data["architectures"]), **given)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        wanted = ", ".join(field.name for field in fields(Verdict))
        raise ValueError(f"an audit's verdict has {wanted}: {error!r}") from None


_ESTIMATES = ("seed_to_seed", "tau", "spearman", "regret", "reference_tau")


def _read_estimate(data: Mapping[str, Any]) -> Estimate:
    return Estimate(**{name: float(value) for name, value in data.items()})


def _checked(audited: Audited) -> tuple[Floats, Floats]:
    """Scores of the proxy and of the reference, a row a seed."""
    proxy_SN = np.asarray(audited.proxy_SN, dtype=np.float64)
    reference_TN = np.asarray(audited.reference_TN, dtype=np.float64)
    count = len(audited.keys)
    if proxy_SN.shape[1:] != (count,) or reference_TN.shape[1:] != (count,):
        raise ValueError(
            f"{count} keys need proxy scores of S x {count} and reference scores of T x {count} "
            f"but got shapes {proxy_SN.shape} and {reference_TN.shape}"
        )
    if count < 3 or len(proxy_SN) < 2 or not len(reference_TN):
        raise ValueError(
            "an audit needs at least 3 architectures, 2 seeds and 1 reference but got "
            f"{count}, {len(proxy_SN)} and {len(reference_TN)}"
        )
    if len(set(audited.keys)) != count:
        raise ValueError("an audit needs different architectures but got keys that repeat")
    if not (0 < audited.proxy_seconds < np.inf and 0 < audited.reference_seconds < np.inf):
        raise ValueError(
            "seconds of a training must be above 0 but got "
            f"{audited.proxy_seconds} and {audited.reference_seconds}"
        )
    for kind, scores in (("proxy", proxy_SN), ("reference", reference_TN)):
        for index, scores_N in enumerate(scores):
            _check_scores(f"{kind} seed {index}", scores_N, audited.keys)
    return proxy_SN, reference_TN


def _check_scores(name: str, scores_N: Floats, keys: tuple[str, ...]) -> None:
    unknown = np.flatnonzero(~np.isfinite(scores_N))
    if len(unknown):
        score, key = scores_N[unknown[0]], keys[unknown[0]]
        raise ValueError(f"{name}: scores must be finite but that of {key} is {score}")
    if np.ptp(scores_N) == 0:
        raise ValueError(f"{name}: scores must differ to be ranked but all are {scores_N[0]}")
