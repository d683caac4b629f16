"""Which trials a command means: the best, some by number, the front, the top few."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from nas.lineage import Promotion
from results.frontier import pareto
from results.trial import Trial
from search_space.errors import UserError


def by_number(trials: Sequence[Trial], numbers: Sequence[int]) -> list[Trial]:
    """UserError for a number that the run does not have."""
    known = {trial.number: trial for trial in trials}
    for number in numbers:
        if number not in known:
            raise UserError(f"trial {number}: the run has trials 0 to {len(trials) - 1}")
    return [known[number] for number in numbers]


def top(trials: Sequence[Trial], count: int) -> list[Trial]:
    """The candidates with the highest proxy score. UserError where none is complete."""
    scored = _scored(trials)
    return sorted(scored, key=lambda t: (-_score(t), t.number))[:count]


def best(trials: Sequence[Trial], promotions: Sequence[Promotion]) -> Trial:
    """The candidate with the best full training, of several seeds under one recipe their mean; or
    without one the best proxy score."""
    candidates = {trial.number: trial for trial in trials if trial.kind == "candidate"}
    trained: dict[tuple[int, str], list[float]] = {}
    for each in promotions:
        if each.miou is not None and each.trial in candidates:
            trained.setdefault((each.trial, each.recipe), []).append(each.miou)
    if trained:
        return candidates[max(trained, key=lambda one: fmean(trained[one]))[0]]
    return top(trials, 1)[0]


def front(trials: Sequence[Trial]) -> list[Trial]:
    """The candidates that no other beats on both proxy score and MACs."""
    scored = _scored(trials)
    points = [(_score(t), t.measurement.macs if t.measurement else 0) for t in scored]
    return [t for t, on in zip(scored, pareto(points, (True, False)), strict=True) if on]


def _score(trial: Trial) -> float:
    return float("-inf") if trial.score is None else trial.score


def _scored(trials: Sequence[Trial]) -> list[Trial]:
    scored = [t for t in trials if t.kind == "candidate" and t.score is not None]
    if not scored:
        raise UserError("no candidate of this run has a score yet")
    return scored
