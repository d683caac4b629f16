"""The policy is a distribution over the box, and learns what is rewarded."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from nas.controllers.ppo import PPO, Policy
from proxy_tasks.task import Failure
from search_space.genes import Gene
from search_space.tabular import TabularSpace
from tests.contracts.test_controllers import SPACE, Run

GENES = (Gene("a", 2), Gene("b", 5), Gene("c", 3))
TABLE = TabularSpace({"".join(c): {"accuracy": 0.0} for c in product("012", repeat=8)})


def shaken(genes: tuple[Gene, ...] = GENES) -> Policy:
    """A policy with strong opinions, about illegal choices too."""
    torch.manual_seed(0)
    policy = Policy(genes, 8)
    for parameter in policy.parameters():
        torch.nn.init.normal_(parameter, std=2.0)
    return policy


def test_probabilities_of_all_genotypes_sum_to_one() -> None:
    box = torch.tensor(list(product(*(range(gene.radix) for gene in GENES))))
    log_B, entropy_B = shaken().log_probabilities(box)
    assert log_B.exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert torch.isfinite(entropy_B).all()


def test_it_draws_as_often_as_it_says_and_never_an_illegal_choice() -> None:
    policy = shaken()
    drawn = torch.from_numpy(policy.draw(20_000, np.random.default_rng(0)))
    assert (drawn < torch.tensor([gene.radix for gene in GENES])).all()
    log_B, _ = policy.log_probabilities(drawn[:1])
    share = float((drawn == drawn[0]).all(1).float().mean())
    assert share == pytest.approx(log_B.exp().item(), abs=0.01)


def test_a_new_policy_is_uniform() -> None:
    log_B, entropy_B = Policy(GENES, 8).log_probabilities(torch.tensor([[1, 4, 2]]))
    assert log_B.item() == pytest.approx(-torch.tensor(30.0).log())
    assert entropy_B.item() == pytest.approx(float(torch.tensor(30.0).log()) / 3)


def test_it_learns_a_simple_preference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.contracts.test_controllers.score", lambda key: key.count("2") / 8)
    run = Run(PPO(TABLE, 0, hidden=16), TABLE)
    run.go(120)
    scores = [trial.score or 0.0 for trial in run.trials]
    assert sum(scores[:24]) / 24 < 0.45  # a third by chance
    assert sum(scores[-24:]) / 24 > 0.6
    wanted = PPO(TABLE, 0, hidden=16)._policy
    learned = run.controller._policy  # type: ignore[attr-defined]
    best = torch.full((1, 8), 2)
    assert learned.log_probabilities(best)[0] > wanted.log_probabilities(best)[0] + 2


def test_equal_rewards_teach_nothing_but_entropy() -> None:
    controller = PPO(TABLE, 0, batch=4, hidden=8, entropy=0.0)
    before = [parameter.clone() for parameter in controller._policy.parameters()]
    run = Run(controller, TABLE)
    for _ in range(4):
        run.ask()
    for place in range(4):
        run.end(place, Failure.DIVERGED)
    after = list(controller._policy.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_infeasible_is_rewarded_with_the_lowest_score_so_far(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scores = iter([0.5, 0.0, 0.25])
    monkeypatch.setattr(
        "tests.contracts.test_controllers.score",
        lambda text: 1.0 if text.startswith("macs") else next(scores),
    )
    controller = PPO(TABLE, 0, batch=4, hidden=8)
    run = Run(controller, TABLE)
    run.go(3)
    run.ask()
    run.end(3, Failure.DIVERGED)
    assert controller._baseline == pytest.approx((0.5 + 0.0 + 0.25 + 0.0) / 4)


def test_a_policy_that_knows_only_one_network_gives_way_to_its_neighbours() -> None:
    controller = PPO(SPACE, 0, hidden=8)
    with torch.no_grad():
        controller._policy.bias_GR[:, 0] = 50.0
    run = Run(controller)
    assert run.ask() == (0,) * len(SPACE.genes)
    run.go(3)
    assert len({trial.key for trial in run.trials}) == 4
