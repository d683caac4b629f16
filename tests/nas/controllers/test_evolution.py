"""Regularized evolution does what algorithm 1 of arXiv 1802.01548 says."""

from __future__ import annotations

import pytest

from nas.controllers.evolution import RegularizedEvolution
from nas.controllers.random import RandomSearch
from search_space.errors import UserError
from tests.contracts.test_controllers import SPACE, Run


def differing_genes(a: tuple[int, ...], b: tuple[int, ...]) -> int:
    return sum(x != y for x, y in zip(a, b, strict=True))


def test_the_first_population_is_what_random_search_proposes() -> None:
    evolved = Run(RegularizedEvolution(SPACE, 0, population=8, tournament=3)).go(8)
    assert evolved == Run(RandomSearch(SPACE, 0)).go(8)


def test_children_are_mutants_of_the_best_where_the_tournament_is_everybody() -> None:
    run = Run(RegularizedEvolution(SPACE, 0, population=8, tournament=8))
    run.go(8)
    best = max(run.trials, key=lambda trial: trial.score or 0.0)
    child = run.ask()
    assert best.genotype is not None
    closest = min(run.trials[:8], key=lambda t: differing_genes(t.genotype or (), child))
    assert closest.number == best.number


def test_the_oldest_dies_even_when_it_is_the_best() -> None:
    run = Run(RegularizedEvolution(SPACE, 0, population=4, tournament=4))
    run.go(4)
    best = max(run.trials, key=lambda trial: trial.score or 0.0)
    run.go(best.number + 1)  # by now it has been pushed out
    assert best.number not in {trial.number for trial in run.controller._alive}
    assert len(run.controller._alive) == 4


@pytest.mark.parametrize(("population", "tournament"), [(4, 5), (4, 0), (0, 0)])
def test_sizes_that_do_not_go_together_are_refused(population: int, tournament: int) -> None:
    with pytest.raises(UserError, match="tournament must be between 1 and the population"):
        RegularizedEvolution(SPACE, 0, population, tournament)
