"""What a controller is: it proposes genotypes from the ledger's history, and does nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, product
from typing import Protocol

import numpy as np

from nas.controllers.history import keys
from results.trial import Trial, TrialState
from search_space.genes import Genotype, SearchSpace
from search_space.seeds import derive_seed

ATTEMPTS = 1000
"""Draws without a new network after which another way to draw is tried."""
ENUMERABLE = 100_000
"""Genotypes of the largest space that is searched through for what draws did not find."""


class SpaceExhausted(Exception):
    """No network is left that was not proposed before."""


class Controller(Protocol):
    """A pure function of (seed, history): nothing is kept between calls that the ledger could not
    give back, so a resumed search goes on as it would have."""

    def ask(self, number: int, history: Sequence[Trial]) -> Genotype:
        """The genotype of trial ``number``. ``history`` holds every earlier candidate, running
        ones included, in the order of their numbers.

        Raises:
            SpaceExhausted: when every network was proposed before.
        """
        ...

    def tell(self, trial: Trial) -> None:
        """A candidate has ended; called once for each, on resume too, in the order of ending.

        Raises:
            ValueError: for a score that is not finite, which a ledger never holds.
        """
        ...


def stream(seed: int, number: int) -> np.random.Generator:
    """The random stream of one trial."""
    return np.random.default_rng(derive_seed(seed, "controller", number))


def finite_score(trial: Trial) -> float | None:
    """The score of a trial that was told; None if it is infeasible or was stopped early, as scores
    after fewer epochs do not compare: ``Trial.standing`` does.

    Raises:
        ValueError: if it is not finite: it would spoil every mean and every rank.
    """
    scored = trial.state in (TrialState.COMPLETE, TrialState.STOPPED)
    if scored and not math.isfinite(trial.standing[1]):
        found = trial.standing[1]
        raise ValueError(f"trial {trial.number}: the score must be finite but got {found}")
    return trial.score


def propose_new(
    draws: Sequence[Callable[[], Genotype]],
    space: SearchSpace,
    history: Sequence[Trial],
    attempts: int = ATTEMPTS,
    first: Iterable[Genotype] = (),
) -> Genotype:
    """The first that may be trained and is new: a canonical key is never paid for twice.

    ``first`` is gone through before anything is drawn. Each way to draw is given up for the next
    after ``attempts`` draws. Of a space small enough to be written down, the first network that
    is left is found then, if there is one.

    Raises:
        SpaceExhausted: when nothing new was found.
    """
    seen = keys(history)
    drawn = (draw() for draw in draws for _ in range(attempts))
    for genotype in chain(first, drawn, _all(space)):
        if space.allows(genotype) and space.key(genotype) not in seen:
            return genotype
    raise SpaceExhausted(f"no new network is left: {len(seen)} were proposed")


def _all(space: SearchSpace) -> Iterator[Genotype]:
    radices = [gene.radix for gene in space.genes]
    if math.prod(radices) <= ENUMERABLE:
        yield from product(*map(range, radices))
