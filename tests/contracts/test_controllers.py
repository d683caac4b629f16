"""Every controller: valid proposals, pure in (seed, history), never the same network twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nas.controllers import CONTROLLERS, Controller, SpaceExhausted
from proxy_tasks.task import Failure, Measurement
from results.trial import Trial, TrialState
from search_space.genes import Genotype, check
from search_space.scale_permuted import ScalePermutedSpace

Make = Callable[..., Controller]
START = datetime(2026, 1, 1, tzinfo=UTC)
SPACE = ScalePermutedSpace()
TINY = ScalePermutedSpace(stages=((3, 1),), output_levels=(3,), max_level=3, dilations=(1,))


@pytest.fixture(params=sorted(CONTROLLERS))
def make(request: pytest.FixtureRequest) -> Make:
    options = {"evolution": {"population": 8, "tournament": 3}}.get(request.param, {})

    def make(space: ScalePermutedSpace = SPACE, seed: int = 0) -> Controller:
        return CONTROLLERS[request.param](space, seed, **options)

    return make


class Run:
    """Trials as a search would write them, with scores that depend on the network alone."""

    def __init__(self, controller: Controller, space: ScalePermutedSpace = SPACE) -> None:
        self.controller, self.space = controller, space
        self.trials: list[Trial] = []

    def ask(self) -> Genotype:
        number = len(self.trials)
        genotype = self.controller.ask(number, self.trials)
        architecture, key = self.space.decode(genotype), self.space.key(genotype)
        running = TrialState.RUNNING
        self.trials.append(
            Trial(number, f"t{number}", "candidate", architecture, key, genotype, running)
        )
        return genotype

    def end(self, number: int, failure: Failure | None = None) -> None:
        trial = self.trials[number]
        miou = None if failure else int(trial.key[:6], 16) / 16**6
        measurement = Measurement(1, 1, 1, 1.0, miou=miou, failure=failure)
        state = TrialState.INFEASIBLE if failure else TrialState.COMPLETE
        finished = START + timedelta(seconds=number)
        ended = replace(trial, state=state, measurement=measurement, finished=finished)
        self.trials[number] = ended
        self.controller.tell(ended)

    def go(self, count: int) -> list[Genotype]:
        proposed = []
        for _ in range(count):
            proposed.append(self.ask())
            self.end(len(self.trials) - 1)
        return proposed


def test_proposals_lie_in_the_box(make: Make) -> None:
    for genotype in Run(make()).go(30):
        check(SPACE.genes, genotype)


def test_same_seed_same_proposals_and_another_seed_others(make: Make) -> None:
    first = Run(make()).go(25)
    assert Run(make()).go(25) == first
    assert Run(make(seed=1)).go(25) != first


def test_a_fresh_process_proposes_the_same(make: Make, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["make"]
    script = (
        "import json, tests.contracts.test_controllers as t\n"
        f"options = dict(population=8, tournament=3) if {name!r} == 'evolution' else {{}}\n"
        f"run = t.Run(t.CONTROLLERS[{name!r}](t.SPACE, 0, **options))\n"
        "print(json.dumps(run.go(15)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [tuple(genotype) for genotype in json.loads(done.stdout)] == Run(make()).go(15)


def test_a_controller_rebuilt_from_the_history_goes_on_the_same(make: Make) -> None:
    unbroken = Run(make())
    for _ in range(25):
        rebuilt = make()
        for trial in unbroken.trials:
            rebuilt.tell(trial)
        number = len(unbroken.trials)
        resumed = rebuilt.ask(number, unbroken.trials)
        assert resumed == unbroken.ask()
        unbroken.end(number)


@pytest.mark.parametrize("in_flight", [1, 4, 64])
def test_many_in_flight_and_the_same_network_never_twice(make: Make, in_flight: int) -> None:
    run = Run(make())
    for start in range(0, 64, in_flight):
        for _ in range(in_flight):
            run.ask()
        for number in reversed(range(start, start + in_flight)):
            run.end(number)
    assert len({trial.key for trial in run.trials}) == 64


def test_goes_on_when_everything_is_infeasible(make: Make) -> None:
    run = Run(make())
    for number in range(20):
        run.ask()
        run.end(number, Failure.DIVERGED)
    check(SPACE.genes, run.ask())


def test_an_exhausted_space_says_so_after_every_network(make: Make) -> None:
    run = Run(make(space=TINY), TINY)
    with pytest.raises(SpaceExhausted):
        run.go(500)
    from itertools import product

    box = product(*(range(gene.radix) for gene in TINY.genes))
    assert {trial.key for trial in run.trials} == {TINY.key(genotype) for genotype in box}
