"""Every objective: kept, ranked, limited and shown as its declaration says, wherever that is."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState
from rich.console import Console
from torch import nn

from nas import config
from nas.controllers import pareto
from nas.engines.tracking import Tracking
from nas.searching import audit
from nas.searching.search import _came_to
from nas.terminal.progress import Board, SearchProgress, outcome_line
from proxy_tasks.objectives import (
    LIMITS,
    OBJECTIVES,
    OF_SPEC,
    SCORES,
    TRADED,
    Objective,
    Shown,
    costs,
)
from proxy_tasks.objectives.objective import (
    PERCENT,
    Analytic,
    Measured,
    Predicted,
    Trained,
    Validated,
)
from proxy_tasks.task import Failure, Measurement
from proxy_tasks.validation import Evaluation, Validation
from results import record, units
from results.leaderboard import COLUMNS, cells, headings, leaderboard
from results.trial import Trial
from results.views.detail import key_figures
from results.views.front import AXES, front, known_axes
from results.views.hover import hover_texts
from results.views.parallel import parallel
from search_space.cost import cost
from search_space.errors import UserError
from tests.contracts.test_controllers import SPACE
from tests.support.observed import FACTS, candidate, snapshot

KEPT = [name for name, each in OBJECTIVES.items() if each.kept]
ALWAYS = ("macs", "parameters", "seconds")
"""What no measurement lacks."""
SOMETIMES = [name for name in KEPT if name not in ALWAYS]


def by(names: list[str] | dict[str, Objective]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", list(names))


def plain(name: str, better: bool = False) -> float:
    """A value as this objective may have, or a better one."""
    each = OBJECTIVES[name]
    low, high = (25, 50) if each.unit is PERCENT else (2, 3)
    low, high = low / each.unit.factor, high / each.unit.factor
    return high if better == each.more else low


def having(number: int, name: str, value: float | None, score: float | None = None) -> Trial:
    """A complete candidate whose measurement has this value, else as many others have."""
    trial = candidate(number)
    assert trial.measurement is not None
    measured = replace(trial.measurement, miou=0.3, macs=10**8, seconds=60.0, score=score or 0.3)
    return replace(trial, measurement=measured.with_figures({name: value}))


def searched(number: int, name: str, value: float | None) -> Trial:
    """Of a search that goes by this objective."""
    trial = having(number, name, value)
    assert trial.measurement is not None
    return replace(trial, measurement=trial.measurement.scored(name))


@by(OBJECTIVES)
def test_its_words_and_names_are_whole(name: str) -> None:
    each = OBJECTIVES[name]
    assert (each.name, name.isidentifier(), name) == (name, True, name.lower())
    assert each.label
    assert each.phrase("2.5 G").startswith("2.5 G")
    assert each.unit.factor > 0
    assert list(OBJECTIVES).count(name) == 1
    # A measurement's own words are no objectives.
    assert name not in {"epochs", "class_iou", "failure", "score", "curve", "stale", "figures"}
    assert not callable(getattr(Measurement, name, None))


@by(KEPT)
def test_a_measurement_and_a_ledger_keep_it(name: str) -> None:
    measured = having(1, name, plain(name)).measurement
    assert measured is not None
    assert measured.figure(name) == plain(name)
    assert Measurement.from_dict(measured.to_dict()) == measured
    written = json.loads(json.dumps(record.measured(measured)))
    assert read(written).figure(name) == pytest.approx(plain(name), rel=1e-5)


@by(SOMETIMES)
@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_value_that_is_not_known_stays_unknown(name: str, value: float | None) -> None:
    measured = having(1, name, value).measurement
    assert measured is not None
    written = json.loads(json.dumps(record.measured(measured), allow_nan=False))
    assert read(written).figure(name) is None
    assert measured.scored(name).score in (None, pytest.approx(value, nan_ok=True))


def read(attributes: dict) -> Measurement:
    """What a ledger makes of the attributes of an ended trial."""
    trial = candidate(1)
    began = record.started(trial.name, "candidate", trial.backbone, trial.key, trial.genotype, 0)
    known = (1, OptunaState.COMPLETE, 0.5, None, None, {}, {}, began | attributes, {}, {}, 1)
    found = record.read(FrozenTrial(*known), ()).measurement
    assert found is not None
    return found


@by(SCORES)
def test_a_search_by_it_ranks_the_better_first_everywhere(name: str) -> None:
    trials = [searched(1, name, plain(name)), searched(2, name, plain(name, better=True))]
    worse, better = (trial.score for trial in trials)
    assert worse is not None
    assert better is not None
    assert better > worse
    frame = leaderboard(trials)
    assert list(frame["trial"]) == [2, 1]
    assert list(frame["front"]) == [True, False]  # at equal MACs
    now = snapshot(trials, replace(FACTS, metric=name))
    assert list(now.ranked["trial"]) == [2, 1]
    assert joined(front(now, "macs", "score")) == [2]
    summary = SearchProgress(Board(Console(file=io.StringIO())), 9, trials, name).summary()
    assert trials[1].name in summary


@by(SCORES)
def test_a_failure_and_a_network_without_a_value_have_no_score(name: str) -> None:
    measured = Measurement(1, 10, 10, 1.0).with_figures({name: plain(name)})
    assert measured.scored(name).score is not None
    assert replace(measured, failure=Failure.DIVERGED).scored(name).score is None
    assert measured.with_figures({name: None}).scored(name).score is None


@by(SCORES)
def test_a_search_by_it_says_so_in_its_words_and_unit(name: str) -> None:
    each, trial = OBJECTIVES[name], searched(1, name, plain(name))
    assert trial.score is not None
    facts = replace(FACTS, metric=name)
    assert facts.score_name == each.score_name
    assert each.score_name.endswith(each.label)
    assert each.score_name.startswith("minus ") != each.more
    words, factor = facts.unit
    assert words.removesuffix(f" ({each.unit.symbol})") == each.score_name
    assert factor == each.unit.factor
    assert facts.shown(trial.score).endswith(each.unit.symbol)
    named = headings(name)
    shown = named.get("score", named.get(name, ""))
    assert (each.short or each.label) in shown
    assert (each.unit is PERCENT) == shown.endswith("%")
    (row,) = cells(leaderboard([trial]), name)
    assert len(row) == len(named)
    assert all("%" not in cell for cell in row)


@by(SCORES)
def test_an_audit_leaves_out_what_older_trainings_do_not_tell(name: str) -> None:
    old, new = (Measurement(1, 1, 1, 1.0).with_figures({name: v}) for v in (None, plain(name)))
    assert name in audit.told([{"a": new, "b": new}])
    assert name not in audit.told([{"a": new}, {"b": old}])


@by(TRADED)
def test_a_controller_that_trades_it_keeps_the_better_and_lets_the_unknown_go(name: str) -> None:
    other = "macs" if name == "miou" else "miou"
    controller = pareto.Config(objectives=(name, other), population=4).build(SPACE, 0)
    for number in range(1, 5):
        controller.tell(having(number, name, plain(name, better=number == 2)))
    controller.tell(having(5, name, 2 * plain(name) if name in ALWAYS else None))
    assert survivors(controller) == {1, 2, 3, 4}
    for number in range(6, 10):
        controller.tell(having(number, name, plain(name)))
    assert 2 in survivors(controller)


def survivors(controller: pareto.Pareto) -> set[int]:
    return {trial.number for trial in controller._population}


@by(KEPT)
def test_an_axis_has_its_direction_its_unit_and_no_unknown_values(name: str) -> None:
    each = OBJECTIVES[name]
    assert (name in AXES) == (each.shown >= Shown.AXIS)
    if name not in AXES:
        return
    assert (AXES[name].title, AXES[name].more) == (each.axis, each.more)
    assert (f"({each.unit.symbol})" in each.axis) == bool(each.unit.symbol)
    trials = [having(1, name, plain(name)), having(2, name, plain(name, better=True))]
    now = snapshot(trials if name in ALWAYS else [*trials, having(3, name, None)])
    assert name in known_axes(now)
    drawn = front(now, name, "miou" if name != "miou" else "macs")
    assert joined(drawn) == [2]
    xs = [x for trace in drawn["data"] if trace.get("customdata") for x in trace["x"]]
    assert sorted(xs) == pytest.approx(sorted(each.unit.factor * plain(name, b) for b in (0, 1)))


@by(SOMETIMES)
def test_an_axis_is_offered_once_something_has_a_value(name: str) -> None:
    nothing = snapshot([having(1, name, None)])
    assert name == "miou" or name not in known_axes(nothing)


def joined(drawn: dict) -> list[int]:
    """The trials on the front of a figure."""
    (trace,) = (each for each in drawn["data"] if each.get("name") == "on the front")
    return list(trace["customdata"])


@by(OBJECTIVES)
def test_it_is_shown_where_it_says_and_nowhere_else(name: str) -> None:
    each = OBJECTIVES[name]
    trials = [candidate(1), candidate(2)]
    if each.kept:
        trials = [having(1, name, plain(name)), having(2, name, plain(name, better=True))]
    trial, now = trials[0], snapshot(trials)
    in_table, of_network = each.shown >= Shown.TABLE, not isinstance(each.source, Trained)
    value = units.shown(plain(name), each.unit)
    assert (name in COLUMNS) == (name in _came_to(trial)) == in_table
    assert (each.heading in headings().values()) == in_table
    told = (each.label, value) in key_figures(trial, now)
    assert told == (of_network and each.shown >= Shown.DETAIL)
    labels = [dimension["label"] for dimension in parallel(now)["data"][0]["dimensions"]]
    assert (each.axis.replace(f" of {each.of}", "") in labels) == (of_network and in_table)
    if isinstance(each.source, Analytic):
        assert (each.phrase(value) in outcome_line(trial)) == in_table
        assert (each.phrase(value) in hover_texts(now.frame, now)[0]) == in_table


@by(KEPT)
def test_experiment_trackers_are_told_of_it_before_or_after_a_training(name: str) -> None:
    trial = having(1, name, plain(name))
    assert trial.measurement is not None
    tracking = Tracking((), Path("run"), "search", {}, ())
    curve = tracking.curves(trial.measurement).get(name)
    assert curve == (None if isinstance(OBJECTIVES[name].source, OF_SPEC) else plain(name))


@by(OBJECTIVES)
def test_a_config_takes_it_where_it_may_stand(name: str) -> None:
    places = {
        f"proxy.score={name}": SCORES,
        f"controller={{name: pareto, objectives: [macs, {name}]}}": TRADED,
        f"constraints.{name}=0.5": LIMITS,
    }
    predicted = (
        ["constraints.latency=100ms"] if isinstance(OBJECTIVES[name].source, Predicted) else []
    )
    for setting, among in places.items():
        if name in among:
            config.load("quickstart", [setting, *predicted])
        else:
            with pytest.raises(UserError, match=setting.partition("=")[0]) as refused:
                config.load("quickstart", [setting])
            assert "\n" not in str(refused.value)


@by([name for name, each in OBJECTIVES.items() if isinstance(each.source, Analytic)])
def test_what_is_worked_out_of_a_spec_is_a_finite_number_more_of_more(name: str) -> None:
    source = OBJECTIVES[name].source
    assert isinstance(source, Analytic)
    trial = candidate(1)
    found = cost(trial.backbone, FACTS.scale, 11, FACTS.size)
    assert 0 < source.of(found, 1) < float("inf")
    assert source.of(found, 4) >= source.of(found, 1)
    assert (costs(found).get(name) == source.of(found, 1)) == OBJECTIVES[name].kept


@by([name for name, each in OBJECTIVES.items() if isinstance(each.source, Measured)])
def test_what_is_measured_of_a_network_is_a_positive_number(name: str) -> None:
    source = OBJECTIVES[name].source
    assert isinstance(source, Measured)
    assert source(nn.Conv2d(5, 4, 3), (8, 10), 5) > 0
    assert Failure(source.failure)


@by([name for name, each in OBJECTIVES.items() if isinstance(each.source, Validated)])
def test_a_perfect_network_is_better_than_a_guess_by_what_a_validation_finds(name: str) -> None:
    each = OBJECTIVES[name]
    guess, perfect = (validated(logits).figures[name] for logits in (0.0, 9.0))
    assert each.sign * perfect > each.sign * guess


def validated(right: float) -> Evaluation:
    """What a validation finds in logits of the right class above the others."""
    target_RW = torch.tensor([[0, 1, 2, 2], [1, 1, 0, 2]])
    logits_RKW = torch.zeros(2, 3, 4)
    logits_RKW.scatter_(1, target_RW[:, None], right)
    seen = Validation(3, torch.device("cpu"))
    seen.soft.add(logits_RKW, target_RW)
    rows, columns = target_RW.flatten(), logits_RKW.argmax(1).flatten()
    seen.confusion.index_put_((rows, columns), torch.ones(8, dtype=torch.int64), accumulate=True)
    return seen.result()
