"""What the controllers are compared with: Optuna used directly, and evolution as its paper says."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution

from proxy_tasks.task import Measurement
from search_space.genes import Genotype, SearchSpace, sample

Measure = Callable[[Genotype], Measurement]
Rival = Callable[[SearchSpace, Measure, int, int, int], list[float]]


def optuna_directly(
    make: Callable[[int], optuna.samplers.BaseSampler],
    space: SearchSpace,
    measure: Measure,
    trials: int,
    in_flight: int,
    seed: int,
) -> list[float]:
    """Scores in the order of their ending; a network proposed twice costs two trials."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=make(seed))
    names: dict[str, BaseDistribution] = {
        gene.name: CategoricalDistribution(range(gene.radix)) for gene in space.genes
    }
    rng, scores, running = np.random.default_rng(seed), [], []
    for number in range(trials + in_flight):
        if number < trials:
            running.append(study.ask(names))
        if len(running) == in_flight or number >= trials:
            trial = running.pop(int(rng.integers(len(running)))) if running else None
            if trial is None:
                break
            score = measure(tuple(trial.params[gene.name] for gene in space.genes)).miou or 0.0
            study.tell(trial, score)
            scores.append(score)
    return scores


def plain_evolution(
    space: SearchSpace, measure: Measure, trials: int, in_flight: int, seed: int
) -> list[float]:
    """Algorithm 1 of arXiv 1802.01548 word by word, sequential, twins included."""
    rng = np.random.default_rng(seed)
    alive: deque[tuple[float, Genotype]] = deque(maxlen=24)
    scores: list[float] = []
    while len(scores) < trials:
        genotype = sample(space.genes, rng)
        if len(scores) >= 24:
            drawn = [alive[int(i)] for i in rng.choice(24, 6, replace=False)]
            genotype = space.mutate(max(drawn)[1], rng)
        score = measure(genotype).miou or 0.0
        alive.append((score, genotype))
        scores.append(score)
    return scores


RIVALS: dict[str, Rival] = {
    "Optuna TPESampler": partial(
        optuna_directly, lambda seed: optuna.samplers.TPESampler(seed=seed)
    ),
    "Optuna NSGAIISampler": partial(
        optuna_directly, lambda seed: optuna.samplers.NSGAIISampler(seed=seed)
    ),
    "plain evolution": plain_evolution,
}
