"""The trials that a command names: the best, some by number, the front, the top few."""

from __future__ import annotations

from collections.abc import Sequence

from nas.runs.promotion_records import OverSeeds, Promotion, by_network
from results.frontier import pareto
from results.trial import Trial
from search_space.errors import UserError


def by_number(trials: Sequence[Trial], numbers: Sequence[int]) -> list[Trial]:
    """UserError for a number that the run does not have."""
    known = {trial.number: trial for trial in trials}
    for number in numbers:
        if number not in known:
            there = f"trials 0 to {len(trials) - 1}" if trials else "no trials"
            raise UserError(f"trial {number}: the run has {there}")
    return [known[number] for number in numbers]


def top(trials: Sequence[Trial], count: int, finals: Sequence[Trial] = ()) -> list[Trial]:
    """The candidates with the highest score in the ``finals``, then those with the highest proxy
    score. UserError where none is complete."""
    last = {trial.key: _score(trial) for trial in finals}
    scored = _scored(trials)
    none = float("-inf")
    return sorted(scored, key=lambda t: (-last.get(t.key, none), -_score(t), t.number))[:count]


def best(
    trials: Sequence[Trial], promotions: Sequence[Promotion], finals: Sequence[Trial] = ()
) -> Trial:
    """The candidate with the best full training, of several seeds under one recipe their mean.
    Where full trainings had no images left to validate on, the first of ``top`` among them; or
    without a full training the first of all. A test part is not looked at."""
    candidates = {trial.number: trial for trial in trials if trial.kind == "candidate"}
    trained = by_network(each for each in promotions if each.trial in candidates)
    if not trained:
        whole = {each.trial for each in promotions if each.unvalidated}
        return top([t for t in _scored(trials) if t.number in whole] or trials, 1, finals)[0]
    number = max(trained, key=lambda group: OverSeeds.of(group).miou)[0].trial
    assert number is not None  # it is a candidate's
    return candidates[number]


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
