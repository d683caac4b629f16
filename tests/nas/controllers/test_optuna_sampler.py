"""Optuna's samplers as controllers: what the study is told, and names and options."""

from __future__ import annotations

import pytest
from optuna.trial import TrialState as OptunaState

from nas.controllers.optuna_sampler import OptunaSampler
from proxy_tasks.task import Failure
from search_space.errors import UserError
from tests.contracts.test_controllers import SMALL, SPACE, TABLE, Run


def told_of(controller: OptunaSampler) -> list[tuple[tuple[int, ...], float]]:
    """(genotype, value) of what the study knows to be complete, in the order of asking."""
    names = [gene.name for gene in SMALL.genes]
    return [
        (tuple(trial.params[name] for name in names), trial.value)
        for trial in controller._study.get_trials(states=[OptunaState.COMPLETE])
    ]


def test_the_study_is_told_of_the_networks_that_were_trained_instead() -> None:
    controller = OptunaSampler(SMALL, 0, options={"n_startup_trials": 4})
    run = Run(controller, SMALL)
    run.go(len(SMALL.rows) - 1)
    run.ask()  # what has ended is told when something is asked
    assert told_of(controller) == [(t.genotype, t.score) for t in run.trials[:-1]]
    replaced = controller._study.get_trials(states=[OptunaState.FAIL])
    assert len(replaced) > 0  # with 18 rows it cannot help to propose some again


def test_infeasible_and_lost_trials_are_failures_and_running_ones_run() -> None:
    controller = OptunaSampler(TABLE, 0)
    run = Run(controller, TABLE)
    for _ in range(4):
        run.ask()
    run.end(0, Failure.DIVERGED)
    run.lose(2)
    run.end(1)
    run.ask()
    states = [trial.state for trial in controller._study.trials]
    fail, running = OptunaState.FAIL, OptunaState.RUNNING
    assert states == [fail, OptunaState.COMPLETE, fail, running, running]


def test_another_history_is_not_mixed_with_the_last() -> None:
    controller = OptunaSampler(TABLE, 0, options={"n_startup_trials": 3})
    Run(controller, TABLE).go(8)
    assert Run(controller, TABLE).go(8) == Run(
        OptunaSampler(TABLE, 0, options={"n_startup_trials": 3}), TABLE
    ).go(8)


@pytest.mark.parametrize(
    ("sampler", "options"),
    [("NSGAIISampler", {"population_size": 4}), ("QMCSampler", {}), ("RandomSampler", {})],
)
def test_any_other_sampler_resumes_too(sampler: str, options: dict) -> None:
    run = Run(OptunaSampler(TABLE, 0, sampler, options), TABLE)
    resumed = []

    def rebuild() -> None:
        rebuilt = OptunaSampler(TABLE, 0, sampler, options)
        resumed.append(rebuilt.ask(run.next_number, list(run.trials)))

    run.stumble(steps=14, in_flight=3, before_ask=rebuild)
    assert resumed == [trial.genotype for trial in run.trials]


def test_an_unknown_sampler_or_option_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"Optuna has no 'TPE': write one of .*TPESampler"):
        OptunaSampler(SPACE, 0, "TPE")
    with pytest.raises(UserError, match=r"TPESampler: .*startups"):
        OptunaSampler(SPACE, 0, options={"startups": 3})
    with pytest.raises(UserError, match=r"TPESampler: .*seed"):
        OptunaSampler(SPACE, 0, options={"seed": 3})
