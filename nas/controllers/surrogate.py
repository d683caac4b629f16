"""A surrogate model of the score that proposes where improvement is expected most.

Bayesian optimisation with a Gaussian process on features of the decoded architecture (as
NAS-BOWL, arXiv 2006.07556, and BANANAS, arXiv 1910.11858, have it): candidates are mutants and
mixtures of the best so far and fresh samples, ranked by expected improvement.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr, ndtri
from threadpoolctl import ThreadpoolController

from nas.controllers.base import finite_score, propose_new, stream
from nas.controllers.gaussian_process import Array, GaussianProcess, Kernel, fit_kernel
from results.frontier import mean_ranks
from results.trial import Trial, TrialState
from search_space.genes import Genotype, SearchSpace

MOST = 400
"""Observations that the process is given: the best and the latest, so that an ask stays quick."""


class Predictor:
    """After ``initial`` random proposals, the best of ``pool`` candidates by the surrogate.

    Scores are replaced by normal scores of their ranks, so that neither a few hopeless networks
    nor the scale of the score bends the model; a trial that was stopped early ranks below all that
    went on, an infeasible one last. What is running
    is taken to score as expected, which spreads parallel proposals. The incumbent is the best
    posterior mean, not the luckiest score: with noise the two differ.
    """

    def __init__(
        self, space: SearchSpace, seed: int, *, initial: int, pool: int, elite: int
    ) -> None:
        self._space, self._seed = space, seed
        self._initial, self._pool, self._elite = initial, pool, elite
        self._told: list[Trial] = []
        self._features: dict[str, Array] = {}
        self._groups: tuple[slice, ...] = ()
        self._kernel: tuple[int, Kernel] | None = None
        # So small matrices are no quicker on several threads, many times slower where cores are
        # busy, and rounded otherwise on a machine with more of them.
        self._threads = ThreadpoolController()

    def tell(self, trial: Trial) -> None:
        """Remembered; the model is fitted when a proposal is wanted."""
        finite_score(trial)
        self._told.append(trial)

    def ask(self, number: int, history: Sequence[Trial]) -> Genotype:
        rng = stream(self._seed, number)

        def newcomer() -> Genotype:
            return self._space.sample(rng)

        if len(self._told) < self._initial:
            return propose_new([newcomer], self._space, history)
        with self._threads.limit(limits=1, user_api="blas"):
            process = self._process(history)
            parents = self._parents(process)
            ranked = self._ranked(process, self._candidates(parents, rng))

        def mutant() -> Genotype:
            return self._space.mutate(parents[int(rng.integers(len(parents)))], rng)

        return propose_new([mutant, newcomer], self._space, history, first=ranked)

    def _fitted(self) -> Kernel:
        """The kernel fitted to the first trials told; how many depends on nothing but how many
        there are, so that a resumed search has the same."""
        count = _fitted_count(self._initial, len(self._told))
        if self._kernel is None or self._kernel[0] != count:
            features, values = self._observed(self._told[:count])
            self._kernel = count, fit_kernel(features, values, self._groups)
        return self._kernel[1]

    def _process(self, history: Sequence[Trial]) -> GaussianProcess:
        """Given what was told, and what is running as it is expected to score."""
        process = GaussianProcess(self._fitted(), *self._observed(self._told))
        running = [trial for trial in history if trial.state is TrialState.RUNNING]
        return process.with_pending(self._stack(running))

    def _parents(self, process: GaussianProcess) -> list[Genotype]:
        chosen = _subset(self._told)
        best = np.argsort(-process.smoothed_N[: len(chosen)], kind="stable")[: self._elite]
        return [chosen[i].genotype for i in best]  # type: ignore[misc]

    def _ranked(self, process: GaussianProcess, candidates: list[Genotype]) -> list[Genotype]:
        mean, deviation = process.predict(np.stack([self._vector(g) for g in candidates]))
        incumbent = float(process.smoothed_N.max())
        order = np.argsort(-expected_improvement(mean, deviation, incumbent), kind="stable")
        return [candidates[i] for i in order]

    def _candidates(self, parents: list[Genotype], rng: np.random.Generator) -> list[Genotype]:
        """Half mutants of one to three steps, a quarter mixtures, a quarter fresh samples."""

        def parent() -> Genotype:
            return parents[int(rng.integers(len(parents)))]

        found: list[Genotype] = []
        for index in range(self._pool):
            way = index % 4
            if way < 2:
                genotype = parent()
                for _ in range(int(rng.geometric(0.5)) if way else 1):
                    genotype = self._space.mutate(genotype, rng)
            elif way == 2:
                genotype = self._space.mutate(self._space.cross(parent(), parent(), rng), rng)
            else:
                genotype = self._space.sample(rng)
            found.append(genotype)
        return list(dict.fromkeys(found))

    def _observed(self, told: list[Trial]) -> tuple[Array, Array]:
        chosen = _subset(told)
        return self._stack(chosen), normal_scores(_places([trial.standing for trial in chosen]))

    def _stack(self, trials: Sequence[Trial]) -> Array:
        rows = []
        for trial in trials:
            assert trial.genotype is not None  # candidates are told, not baselines
            if trial.key not in self._features:
                self._features[trial.key] = self._vector(trial.genotype)
            rows.append(self._features[trial.key])
        return np.stack(rows) if rows else np.empty((0, 0))

    def _vector(self, genotype: Genotype) -> Array:
        groups = self._space.features(genotype)
        if not self._groups:
            ends = np.cumsum([len(values) for values in groups.values()]).tolist()
            starts = [0, *ends[:-1]]
            self._groups = tuple(slice(a, b) for a, b in zip(starts, ends, strict=True))
        return np.concatenate(list(groups.values()))


def expected_improvement(mean_M: Array, deviation_M: Array, incumbent: float) -> Array:
    """E[max(f - incumbent, 0)] under a normal posterior (Jones et al. 1998, eq. 15)."""
    z_M = (mean_M - incumbent) / deviation_M
    density_M = np.exp(-(z_M**2) / 2) / np.sqrt(2 * np.pi)
    return np.asarray(deviation_M * (z_M * ndtr(z_M) + density_M))


def normal_scores(values: Sequence[float]) -> Array:
    """Quantiles of the standard normal at the values' ranks; ties share their mean rank."""
    return np.asarray(ndtri((mean_ranks(np.asarray(values)) - 0.5) / len(values)))


def _places(standings: Sequence[tuple[int, float]]) -> list[int]:
    """The place of each among all different ones, from the worst up."""
    place = {standing: index for index, standing in enumerate(sorted(set(standings)))}
    return [place[standing] for standing in standings]


def _subset(told: list[Trial]) -> list[Trial]:
    """The trials that the process sees: all, or the best and the latest of many."""
    if len(told) <= MOST:
        return told
    earlier, latest = told[: -MOST // 2], told[-MOST // 2 :]
    return sorted(earlier, key=lambda trial: trial.standing, reverse=True)[: MOST // 2] + latest


def _fitted_count(initial: int, count: int) -> int:
    """Of ``count`` trials those that the kernel is fitted to: a seventh more each time."""
    fitted = initial
    while (following := fitted + max(1, fitted // 7)) <= count:
        fitted = following
    return fitted
