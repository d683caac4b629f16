"""The policy is a distribution over the box, and learns what is rewarded."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

from nas.controllers.ppo import PPO, Policy
from nas.controllers.random import RandomSearch
from proxy_tasks.task import Failure
from search_space.genes import Gene
from search_space.tabular import TabularSpace
from tests.contracts.test_controllers import SPACE, Run

GENES = (Gene("a", 2), Gene("b", 5), Gene("c", 3))
TABLE = TabularSpace({"".join(c): {"accuracy": 0.0} for c in product("012", repeat=8)})


def shaken(genes: tuple[Gene, ...] = GENES, spread: float = 2.0) -> Policy:
    """A policy with strong opinions, about illegal choices too."""
    torch.manual_seed(0)
    policy = Policy(genes, 8)
    for parameter in policy.parameters():
        torch.nn.init.normal_(parameter, std=spread)
    return policy


def test_probabilities_of_all_genotypes_sum_to_one() -> None:
    box = torch.tensor(list(product(*(range(gene.radix) for gene in GENES))))
    log_BG, entropy_B = shaken().log_probabilities(box)
    assert log_BG.sum(1).exp().sum().item() == pytest.approx(1, abs=1e-5)
    assert torch.isfinite(entropy_B).all()


def test_it_draws_every_genotype_as_often_as_it_says() -> None:
    policy, count = shaken(spread=0.7), 20_000
    drawn = torch.from_numpy(policy.draw(count, np.random.default_rng(0)))
    assert (drawn < torch.tensor([gene.radix for gene in GENES])).all()  # else: illegal
    box = torch.tensor(list(product(*(range(gene.radix) for gene in GENES))))
    said = policy.log_probabilities(box)[0].sum(1).exp()
    share = (drawn[:, None] == box).all(2).float().mean(0)
    assert (share - said).abs().sum() / 2 < 0.02  # total variation
    assert said.max() < 0.5  # opinions, yet not one alone
    assert (said > 0.02).sum() >= 5


def test_a_table_has_a_row_for_each_choice_and_none_for_illegal_ones() -> None:
    policy = Policy(GENES, 8)
    assert policy.head_CH.shape == (2 + 5 + 3, 8)
    assert policy.embed.weight.shape == (1 + 2 + 5 + 3, 8)


def test_a_new_policy_is_uniform() -> None:
    log_BG, entropy_B = Policy(GENES, 8).log_probabilities(torch.tensor([[1, 4, 2]]))
    assert log_BG.sum().item() == pytest.approx(-torch.tensor(30.0).log())
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
    assert learned.log_probabilities(best)[0].sum() > wanted.log_probabilities(best)[0].sum() + 2


def test_it_learns_on_one_thread_and_leaves_their_number_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []
    before, climb = torch.get_num_threads(), PPO._climb

    def watched(*arguments: Any) -> None:
        seen.append(torch.get_num_threads())
        climb(*arguments)

    monkeypatch.setattr(PPO, "_climb", watched)
    try:
        torch.set_num_threads(3)
        Run(PPO(TABLE, 0, batch=4, hidden=8), TABLE).go(9)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert seen == [1, 1]


def test_the_first_step_of_an_update_is_never_clipped() -> None:
    """The old policy is the one before the update, so its ratio is 1 and its slope that of
    the log-probability."""

    def updated(clip: float, epochs: int) -> list[torch.Tensor]:
        run = Run(PPO(TABLE, 0, batch=4, hidden=8, clip=clip, epochs=epochs), TABLE)
        run.go(4)
        return list(run.controller._policy.parameters())  # type: ignore[attr-defined]

    def equal(epochs: int) -> bool:
        pairs = zip(updated(1e-6, epochs), updated(0.9, epochs), strict=True)
        return all(torch.equal(a, b) for a, b in pairs)

    assert equal(epochs=1)
    assert not equal(epochs=3)


def test_it_stays_finite_whatever_it_is_told() -> None:
    """Scores of networks that the policy would never draw, at a rate that throws it about."""
    learner = PPO(TABLE, 0, batch=4, epochs=30, learning_rate=1.0, hidden=8)
    others = Run(RandomSearch(TABLE, 0), TABLE)
    others.go(200)
    for trial in others.trials:
        learner.tell(trial)
    assert all(torch.isfinite(each).all() for each in learner._policy.parameters())
    learner.ask(999, others.trials)


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
        controller._policy.bias_C[controller._policy.firsts] = 50.0
    run = Run(controller)
    assert run.ask() == (0,) * len(SPACE.genes)
    run.go(3)
    assert len({trial.key for trial in run.trials}) == 4
