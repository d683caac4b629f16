"""Searches without training, as the benchmark of controllers runs them."""

from __future__ import annotations

import json
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from benchmarks.controllers import Study, accuracy
from benchmarks.rivals import RIVALS
from benchmarks.simulation import simulate
from nas.controllers import make
from search_space.tabular import TabularSpace

TABLE = {
    "".join(map(str, code)): {"accuracy": 50.0 + sum(code) + 3 * (code[0] == code[2])}
    for code in product(range(3), repeat=4)
}
SPACE = TabularSpace(TABLE)
BEST = max(row["accuracy"] for row in TABLE.values())


@pytest.mark.parametrize(("in_flight", "in_order"), [(1, True), (8, False)])
def test_several_in_flight_end_in_another_order_and_each_is_scored_once(
    in_flight: int, in_order: bool
) -> None:
    controller = make("random", SPACE, 0)
    ended = simulate(controller, SPACE, partial(accuracy, SPACE), 40, in_flight, seed=0)
    numbers = [trial.number for trial in ended]
    assert sorted(numbers) == list(range(40))
    assert (numbers == sorted(numbers)) == in_order
    assert [t.score for t in ended] == [TABLE[t.key]["accuracy"] / 100 for t in ended]
    assert [trial.ending for trial in ended] == list(range(40))
    assert all(trial.after >= trial.number - in_flight for trial in ended)


def test_a_space_that_ends_before_the_budget_ends_the_search() -> None:
    ended = simulate(make("random", SPACE, 0), SPACE, partial(accuracy, SPACE), 100, 4, seed=0)
    assert len({trial.key for trial in ended}) == len(ended) == len(TABLE)


@pytest.mark.parametrize("name", RIVALS)
def test_a_rival_scores_as_many_networks_as_it_may(name: str) -> None:
    scores = RIVALS[name](SPACE, partial(accuracy, SPACE), 30, 4, 0)
    assert len(scores) == 30
    assert set(scores) <= {row["accuracy"] / 100 for row in TABLE.values()}
    assert max(scores) > np.median([row["accuracy"] / 100 for row in TABLE.values()])


def test_regret_falls_to_zero_once_the_best_is_found(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    path.write_text(json.dumps(TABLE))
    regrets = Study(str(path), "evolution", 1, 90).regrets(seed=0)
    assert len(regrets) == 90
    assert (np.diff(regrets) <= 0).all()
    assert 0 < regrets[0] <= BEST - 50.0
    assert regrets[-1] == pytest.approx(0.0)
