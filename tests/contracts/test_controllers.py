"""Every controller: valid proposals, pure in (seed, history), never the same network twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from nas import controllers
from nas.controllers import CONTROLLERS, Controller, SpaceExhausted
from nas.controllers.warm_start import WarmStart
from proxy_tasks.objectives import costs
from proxy_tasks.task import Failure, Measurement
from results.order import in_order_of_ending
from results.trial import Trial, TrialState
from search_space.constrained import ConstrainedSpace, network_figures
from search_space.errors import UserError
from search_space.genes import Genotype, SearchSpace, check
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale
from search_space.tabular import TabularSpace
from tests.support.implementations import implementations

SPACE = ScalePermutedSpace()
TABLE = TabularSpace({f"{a}{b}7{c}{d}": {"accuracy": 0.0} for a, b, c, d in product(*["1358"] * 4)})
SMALL = TabularSpace({f"{a}{b}{c}": {"accuracy": 0.0} for a, b, c in product("01", "012", "345")})
TINY = ScalePermutedSpace(stages=((3, 1),), output_levels=(3,), max_level=3, dilations=(1,))
TINY_NETWORKS = {TINY.key(each) for each in product(*(range(gene.radix) for gene in TINY.genes))}
FIGURES = network_figures(SPACE, Scale(0.25, 0.5, 1, 64, 64), 11, (96, 128), costs)
CONSTRAINED = ConstrainedSpace(SPACE, {"macs": 8.5e7, "parameters": 9.5e5}, FIGURES)
"""A quarter of all networks."""
SPACES = {"spinenet-seg": SPACE, "constrained": CONSTRAINED, "tabular": TABLE}
WARM = "a warm start"

# Small, so that all of a controller's phases come in a short run.
OPTIONS: dict[str, dict[str, Any]] = {
    "evolution": {"population": 8, "tournament": 3},
    "pareto": {"population": 8},
    "ppo": {"batch": 4, "epochs": 2, "hidden": 8},
    "predictor": {"initial": 5, "pool": 12, "elite": 4},
    "tpe": {"options": {"n_startup_trials": 5, "n_ei_candidates": 3}},
}
Make = Callable[..., Controller]


def made(name: str, space: SearchSpace = SPACE, seed: int = 0) -> Controller:
    if name == WARM:
        return WarmStart(made("evolution", space, seed), space, beginning(space))
    return controllers.make(name, space, seed, **OPTIONS.get(name, {}))


def beginning(space: SearchSpace) -> list[Genotype]:
    rng = np.random.default_rng(9)
    first = [space.sample(rng) for _ in range(3)]
    return [*first, first[0]]


def beyond_bounds() -> Iterator[tuple[str, str, float]]:
    """Of each option with a least or a most value, one past it."""
    for name, settings in CONTROLLERS.items():
        for option, known in settings.model_json_schema()["properties"].items():
            for bound, past in (("minimum", -1), ("exclusiveMinimum", 0), ("exclusiveMaximum", 0)):
                if bound in known:
                    yield name, option, known[bound] + past


@pytest.fixture(params=[*sorted(CONTROLLERS), WARM])
def make(request: pytest.FixtureRequest) -> Make:
    def make(space: SearchSpace = SPACE, seed: int = 0) -> Controller:
        return made(request.param, space, seed)

    return make


@pytest.fixture(params=sorted(SPACES))
def space(request: pytest.FixtureRequest) -> SearchSpace:
    return SPACES[request.param]


class Run:
    """Trials as a search would write them: numbers with gaps (baselines have some), counts of what
    ended, no times at all, scores that depend on the network alone."""

    def __init__(self, controller: Controller, space: SearchSpace = SPACE) -> None:
        self.controller, self.space = controller, space
        self.trials: list[Trial] = []
        self.ended = 0

    @property
    def next_number(self) -> int:
        return 2 + len(self.trials)

    @property
    def running(self) -> list[int]:
        """Places in ``trials``."""
        return [i for i, trial in enumerate(self.trials) if trial.state is TrialState.RUNNING]

    def ask(self) -> Genotype:
        number = self.next_number
        genotype = self.controller.ask(number, list(self.trials))
        architecture, key = self.space.decode(genotype), self.space.key(genotype)
        trial = Trial(
            number, f"t{number}", "candidate", architecture, key, genotype, TrialState.RUNNING
        )
        self.trials.append(replace(trial, after=self.ended))
        return genotype

    def end(self, place: int, failure: Failure | None = None) -> None:
        trial = self.trials[place]
        miou = None if failure else score(trial.key)
        macs = 1 + int(1e6 * score("macs" + trial.key))
        measurement = Measurement(3, macs, 1, 1.0, miou=miou, failure=failure)
        state = TrialState.INFEASIBLE if failure else TrialState.COMPLETE
        self._replace(place, state=state, measurement=measurement)
        self.controller.tell(self.trials[place])

    def stop(self, place: int) -> None:
        """Cut short after one of three epochs."""
        value = score(self.trials[place].key)
        measurement = Measurement(1, 1, 1, 1.0, score=value)
        self._replace(place, state=TrialState.STOPPED, measurement=measurement)
        self.controller.tell(self.trials[place])

    def lose(self, place: int) -> None:
        """The machine failed: the ledger knows, the controller is not told."""
        self._replace(place, state=TrialState.FAILED, error="the worker was lost")

    def go(self, count: int) -> list[Genotype]:
        proposed = []
        for _ in range(count):
            proposed.append(self.ask())
            self.end(len(self.trials) - 1)
        return proposed

    def stumble(self, steps: int, in_flight: int, before_ask: Callable[[], None]) -> None:
        """Trials that end out of order, one in four infeasible, one in five stopped early, one in
        seven by the machine."""
        rng = np.random.default_rng(1)
        for step in range(steps):
            while len(self.running) < in_flight:
                before_ask()
                self.ask()
            place = int(rng.choice(self.running))
            if step % 7 == 4:
                self.lose(place)
            elif step % 5 == 3:
                self.stop(place)
            else:
                self.end(place, Failure.DIVERGED if step % 4 == 1 else None)

    def _replace(self, place: int, **values: Any) -> None:
        self.trials[place] = replace(self.trials[place], ending=self.ended, **values)
        self.ended += 1


def score(text: str) -> float:
    """Any number in [0, 1) that is the same in every process."""
    return sum((i + 1) * ord(c) * 7919 for i, c in enumerate(text)) % 10007 / 10007


def told(trials: Sequence[Trial]) -> list[Trial]:
    """What a search tells a controller when it resumes."""
    silent = (TrialState.RUNNING, TrialState.FAILED)
    ended = [trial for trial in trials if trial.state not in silent]
    return in_order_of_ending(ended)


def test_every_controller_is_held_to_this_suite() -> None:
    made_here = [made(name) for name in (*CONTROLLERS, WARM)]
    known = {f"{type(each).__module__}.{type(each).__name__}" for each in made_here}
    found = implementations("ask", "tell")
    assert {each for each in found if each.startswith("nas.")} == known


@pytest.mark.parametrize("name", CONTROLLERS)
def test_settings_are_one_line_each_under_the_controllers_name(name: str) -> None:
    settings = CONTROLLERS[name]
    assert settings().name == name
    described = settings.model_json_schema()
    assert described["description"].partition("\n")[0].endswith(".")
    for option, known in described["properties"].items():
        assert option == "name" or (known["description"] and "default" in known)


@pytest.mark.parametrize(("name", "option", "value"), list(beyond_bounds()))
def test_an_option_beyond_its_bound_is_refused_by_its_name(
    name: str, option: str, value: float
) -> None:
    with pytest.raises(UserError, match=f"^{name}: {option} must be .*, not {value}$"):
        controllers.make(name, SPACE, 0, **{option: value})


def test_proposals_lie_in_the_box_and_are_plain_numbers(make: Make, space: SearchSpace) -> None:
    for genotype in Run(make(space), space).go(12):
        check(space.genes, genotype)
        assert space.allows(genotype)
        assert type(genotype) is tuple
        assert {type(value) for value in genotype} == {int}


def test_same_seed_same_proposals_and_another_seed_others(make: Make, space: SearchSpace) -> None:
    first = Run(make(space), space).go(11)
    assert Run(make(space), space).go(11) == first
    assert Run(make(space, seed=1), space).go(11) != first


def test_random_state_elsewhere_changes_nothing(make: Make) -> None:
    first = Run(make()).go(10)
    np.random.seed(5)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(5)
    assert Run(make()).go(10) == first


def test_a_fresh_process_proposes_the_same() -> None:
    script = (
        "import json, tests.contracts.test_controllers as t\n"
        "print(json.dumps({n: t.Run(t.made(n)).go(9) for n in t.CONTROLLERS}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    elsewhere = {name: [tuple(g) for g in each] for name, each in json.loads(done.stdout).items()}
    assert elsewhere == {name: Run(made(name)).go(9) for name in CONTROLLERS}


@pytest.mark.parametrize(
    ("space", "in_flight"),
    [("spinenet-seg", 4), ("constrained", 4), ("tabular", 1), ("tabular", 4)],
    indirect=["space"],
)
def test_rebuilt_from_the_history_at_any_point_it_goes_on_the_same(
    make: Make, space: SearchSpace, in_flight: int
) -> None:
    run = Run(make(space), space)
    resumed: list[Genotype] = []

    def rebuild() -> None:
        rebuilt = make(space)
        for trial in told(run.trials):
            rebuilt.tell(trial)
        resumed.append(rebuilt.ask(run.next_number, list(run.trials)))

    run.stumble(steps=12, in_flight=in_flight, before_ask=rebuild)
    assert resumed == [trial.genotype for trial in run.trials]
    assert set(TrialState) - {TrialState.RUNNING} <= {trial.state for trial in run.trials}


def test_asked_again_without_news_it_proposes_the_same(make: Make) -> None:
    run = Run(make())
    run.go(11)
    again = run.controller.ask(run.next_number, list(run.trials))
    assert run.ask() == again


@pytest.mark.parametrize(
    ("space", "in_flight"),
    [("spinenet-seg", 64), ("tabular", 1), ("tabular", 16), ("tabular", 64)],
    indirect=["space"],
)
def test_many_in_flight_and_the_same_network_never_twice(
    make: Make, space: SearchSpace, in_flight: int
) -> None:
    run = Run(make(space), space)
    run.stumble(steps=20, in_flight=in_flight, before_ask=lambda: None)
    assert len(run.trials) == 19 + in_flight
    assert len({trial.key for trial in run.trials}) == len(run.trials)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_score_that_is_not_finite_is_refused_and_not_learned_from(
    make: Make, value: float
) -> None:
    run, other = Run(make()), Run(make())
    run.go(9)
    other.go(9)
    broken = replace(run.trials[-1], measurement=Measurement(1, 1, 1, 1.0, miou=value))
    with pytest.raises(ValueError, match="trial 10: the score must be finite but got"):
        run.controller.tell(broken)
    assert run.go(3) == other.go(3)


def test_a_warm_start_is_proposed_first_and_learned_from() -> None:
    run = Run(made(WARM))
    assert run.go(3) == beginning(SPACE)[:3]  # the fourth is the first again
    cold = Run(made("evolution"))
    cold.trials, cold.ended = list(run.trials), run.ended
    for trial in told(run.trials):
        cold.controller.tell(trial)
    assert run.go(8) == cold.go(8)


@pytest.mark.parametrize("failure", [Failure.DIVERGED, None])
def test_goes_on_when_nothing_ever_scores(make: Make, failure: Failure | None) -> None:
    run = Run(make())
    for place in range(12):
        check(SPACE.genes, run.ask())
        if failure:
            run.end(place, failure)
        else:
            run.lose(place)
    assert len({trial.key for trial in run.trials}) == 12


def test_goes_on_when_all_scores_are_the_same(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.score", lambda text: 0.0)
    run = Run(make())
    run.go(12)
    assert len({trial.key for trial in run.trials}) == 12


def test_an_exhausted_table_says_so_after_every_row(make: Make) -> None:
    run = Run(make(SMALL), SMALL)
    with pytest.raises(SpaceExhausted, match="18 were proposed"):
        run.go(500)
    assert {trial.key for trial in run.trials} == set(SMALL.rows)


def test_an_exhausted_space_says_so_after_every_network(make: Make) -> None:
    run = Run(make(TINY), TINY)
    with pytest.raises(SpaceExhausted):
        run.go(500)
    assert sorted(trial.key for trial in run.trials) == sorted(TINY_NETWORKS)


def test_a_space_is_exhausted_by_what_is_still_running(make: Make) -> None:
    run = Run(make(SMALL), SMALL)
    for _ in SMALL.rows:
        run.ask()
    with pytest.raises(SpaceExhausted):
        run.ask()
