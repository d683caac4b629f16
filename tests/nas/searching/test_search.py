"""The search as a source of jobs: budget, order, resume, and trouble told apart."""

from __future__ import annotations

import json
import signal
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

from nas.commands.status import setbacks
from nas.controllers.random import RandomSearch
from nas.engines.base import Crash, Trouble
from nas.engines.retries import IN_A_ROW, BugError, InputError, MachinesError
from nas.parts.baselines import Baseline
from nas.runs import events, selection
from proxy_tasks.objectives import OBJECTIVES, SCORES, Metric
from proxy_tasks.task import Failure, Limit, Measurement
from results import units
from results.leaderboard import leaderboard
from results.ledger import Ledger
from results.trial import Trial, TrialState
from search_space.genes import Genotype
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale
from tests.support import clocks
from tests.support.searches import BASELINES, SPACE, Harness, take
from tests.support.tasks import KeyTask

TINY = ScalePermutedSpace(stages=((3, 1),), output_levels=(3,), max_level=3, dilations=(1,))
LOST = Crash(Trouble.LOST, "the worker was lost")


def test_baselines_come_first_and_do_not_count(tmp_path: Path) -> None:
    harness = Harness(tmp_path, trials=3)
    harness.run()
    names = [trial.name for trial in harness.ledger.trials()]
    assert names == [b.name for b in BASELINES] + ["trial-0002", "trial-0003", "trial-0004"]


def test_a_trial_is_on_disk_before_it_is_sent_out(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    job = take(harness.search)
    with Ledger.open(tmp_path / "ledger.journal", read_only=True) as reader:
        (trial,) = reader.trials()
    assert (trial.number, trial.state) == (job.number, TrialState.RUNNING)
    assert trial.backbone == job.backbone


@pytest.mark.parametrize("evolve", [False, True])
@pytest.mark.parametrize("stop", range(1, 11, 3))
@pytest.mark.parametrize("clock", ["runs", "is set back"])
def test_a_search_that_is_cut_off_goes_on_with_the_same_proposals(
    tmp_path: Path, stop: int, evolve: bool, clock: str
) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "cut").mkdir()
    whole = Harness(tmp_path / "whole", trials=10, evolve=evolve)
    whole.run()
    cut = Harness(tmp_path / "cut", trials=10, evolve=evolve)
    for _ in range(stop):
        cut.score(take(cut.search))
    in_flight = take(cut.search)
    cut.ledger.close()
    if clock == "is set back":
        clocks.set_back(tmp_path / "cut" / "ledger.journal")
    resumed = Harness(tmp_path / "cut", trials=10, evolve=evolve)
    assert take(resumed.search) == in_flight  # under its own number, before anything new
    resumed.score(in_flight)
    resumed.run()
    assert [(t.number, t.key, t.score) for t in resumed.ledger.trials()] == [
        (t.number, t.key, t.score) for t in whole.ledger.trials()
    ]


def test_a_latency_limit_goes_with_candidates_and_not_with_baselines(tmp_path: Path) -> None:
    limits = (Limit("latency", 0.1, Scale(), (64, 64)),)
    harness = Harness(tmp_path, limits=limits)
    given = []
    for _ in range(4):
        given.append((job := take(harness.search)).limits)
        harness.score(job)
    assert given == [(), (), limits, limits]


def test_what_is_known_of_a_network_without_a_training_is_in_the_ledger(tmp_path: Path) -> None:
    Harness(tmp_path, 3, figures=lambda one: {"exported_latency": 0.002}).run()
    again = Harness(tmp_path, 3)
    told = [trial.measurement for trial in again.ledger.trials() if trial.kind == "candidate"]
    assert [each and each.figure("exported_latency") for each in told] == [0.002] * 3


@pytest.mark.parametrize("score", SCORES)
def test_a_search_goes_by_the_metric_it_is_told(tmp_path: Path, score: Metric) -> None:
    harness = Harness(tmp_path, trials=8, score=score)
    harness.run()
    trials = [trial for trial in harness.ledger.trials() if trial.kind == "candidate"]
    measured = [trial.measurement for trial in trials if trial.measurement]
    sign = SCORES[score].sign
    wanted = [sign * (measurement.figure(score) or 0.0) for measurement in measured]
    assert [score for score in wanted if score > 0] == (wanted if sign > 0 else [])
    assert [trial.score for trial in trials] == wanted
    (first,) = selection.top(trials, 1)
    assert first.score == max(map(float, filter(None, wanted)))
    if score not in ("miou", "loss"):  # those two are told of every trial
        last = harness.text.getvalue().splitlines()[-1]
        told = f"{OBJECTIVES[score].score_name} {units.score(first.score, score)}"
        assert f"best {told}  mIoU" in last
    by_rank = list(leaderboard(trials)["trial"])
    assert by_rank == [t.number for t in sorted(trials, key=lambda t: -(t.score or 0.0))]
    journal = JournalFileBackend(str(tmp_path / "ledger.journal"))
    study = optuna.load_study(study_name="run", storage=optuna.storages.JournalStorage(journal))
    values = {trial.number: trial.value for trial in study.trials}
    assert all(values[trial.number] == trial.score for trial in trials)


@pytest.mark.parametrize("told", [True, False])
def test_a_trial_that_its_engine_stops_is_kept_and_told_on_resume_too(
    tmp_path: Path, told: bool
) -> None:
    harness = Harness(tmp_path, trials=5, evolve=True)
    for _ in range(2):
        harness.score(take(harness.search))  # the baselines
    job = take(harness.search)
    first = next(KeyTask().score(job))
    if told:  # of its last epoch, before it was stopped
        harness.search.progress(job, first)
    harness.search.finish(job, first)
    trial = harness.ledger.trials()[2]
    assert (trial.state, trial.score) == (TrialState.STOPPED, None)
    assert trial.standing == (1, first.miou)
    assert trial.measurement is not None
    assert trial.measurement.curve == (first.miou,)
    assert "stopped after 1 epochs" in harness.text.getvalue()
    assert "1 stopped early" in harness.search._progress.summary()
    harness.ledger.close()
    resumed = Harness(tmp_path, trials=5, evolve=True)
    assert list(resumed.search._controller._alive) == [trial]  # type: ignore[attr-defined]
    resumed.run()
    assert resumed.states() == [TrialState.COMPLETE] * 2 + [TrialState.STOPPED] + (
        [TrialState.COMPLETE] * 4
    )
    last = resumed.ledger.trials()[-1].measurement
    assert last is not None
    assert last.curve == (last.miou, last.miou)


def test_a_lost_worker_is_forgiven_twice_and_then_the_trial_fails(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    job = take(harness.search)
    for _ in range(2):
        harness.search.finish(job, LOST)
        assert take(harness.search) == job
    harness.search.finish(job, LOST)
    (trial,) = harness.ledger.trials()
    assert (trial.state, trial.error) == (TrialState.FAILED, LOST.error)
    assert [(s.kind, s.error) for s in trial.setbacks] == [("lost", LOST.error)] * 3
    assert "runs again: the worker was lost" in harness.text.getvalue()
    harness.run()  # and the search goes on
    assert harness.states().count(TrialState.COMPLETE) == 6


def test_the_same_exception_three_times_is_a_bug_that_stops_the_search(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    crash = Crash(Trouble.BUG, "KeyError: 'x' (in f, line 3)", "Traceback ... KeyError: 'x'")
    for _ in range(2):
        harness.search.finish(take(harness.search), crash)
    with pytest.raises(BugError, match=r"(?s)Traceback .*three times: KeyError: 'x'"):
        harness.search.finish(take(harness.search), crash)
    assert TrialState.COMPLETE not in harness.states()
    assert TrialState.INFEASIBLE not in harness.states()


def test_files_that_cannot_be_used_three_times_stop_the_search_in_a_line(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    crash = Crash(Trouble.INPUT, "no folder d: put it back", "Traceback ...")
    for _ in range(2):
        harness.search.finish(take(harness.search), crash)
    line = r"^no folder d: put it back; put that right, then go on with --resume$"
    with pytest.raises(InputError, match=line):
        harness.search.finish(take(harness.search), crash)
    assert setbacks(harness.ledger.trials()) == {"input": 3}


def test_status_counts_what_was_run_again_by_its_kind(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    first, second = take(harness.search), take(harness.search)
    harness.search.finish(first, LOST)
    harness.search.finish(second, Crash(Trouble.HUNG, "the worker hung"))
    harness.ledger.close()
    resumed = Harness(tmp_path)  # both were waiting when the first search ended
    assert setbacks(resumed.ledger.trials()) == {"lost": 1, "hung": 1, "driver": 2}
    job = take(resumed.search)
    resumed.score(job)
    assert [s.kind for s in resumed.ledger.trials()[job.number].setbacks] == ["lost", "driver"]


def test_out_of_memory_while_sharing_is_no_bug_however_often_it_comes(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    job = take(harness.search)
    for _ in range(4):
        harness.search.finish(job, Crash(Trouble.CROWDED, "OutOfMemoryError", "Traceback ..."))
        assert take(harness.search) == job
    harness.score(job)
    assert harness.states() == [TrialState.COMPLETE]


def test_machines_that_lose_one_training_after_the_other_stop_the_search(tmp_path: Path) -> None:
    def give_up(harness: Harness) -> None:
        job = take(harness.search)
        for _ in range(2):
            harness.search.finish(job, LOST)
            take(harness.search)
        harness.search.finish(job, LOST)

    harness = Harness(tmp_path, trials=20)
    for _ in range(IN_A_ROW - 1):
        give_up(harness)
    harness.score(take(harness.search))  # one that works, and it counts anew
    for _ in range(IN_A_ROW - 1):
        give_up(harness)
    with pytest.raises(
        MachinesError, match=r"5 trainings in a row .*the worker was lost;.*--resume"
    ):
        give_up(harness)
    assert harness.states()[-1] is TrialState.RUNNING  # a resumed search runs it again


def test_a_diverged_network_is_infeasible_and_not_run_again(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    job = take(harness.search)
    harness.search.finish(job, Measurement(1, 10, 5, 0.1, failure=Failure.DIVERGED))
    assert harness.states() == [TrialState.INFEASIBLE]
    assert take(harness.search).number == job.number + 1
    assert "infeasible: diverged" in harness.text.getvalue()


def test_an_exhausted_space_ends_the_search_and_says_so(tmp_path: Path) -> None:
    harness = Harness(tmp_path, trials=10_000, space=TINY)
    # A source with nothing to give and nothing out is done: the engine must see it.
    while not harness.search.done:
        if (job := harness.search.next()) is not None:
            harness.score(job)
    assert harness.search.exhausted
    keys = [trial.key for trial in harness.ledger.trials() if trial.kind == "candidate"]
    assert len(keys) == len(set(keys)) > 1


def test_time_ends_the_search_after_the_baselines(tmp_path: Path) -> None:
    harness = Harness(tmp_path, trials=None, hours=1e-9)
    harness.run()
    assert [trial.kind for trial in harness.ledger.trials()] == ["baseline", "baseline"]


def test_progress_tells_counts_best_pace_and_time_left(tmp_path: Path) -> None:
    harness = Harness(tmp_path, trials=4)
    harness.run()
    last = harness.text.getvalue().strip().splitlines()[-1]
    best = max(t.score or 0 for t in harness.ledger.trials() if t.kind == "candidate")
    assert "4/4 done · 0 running · 0 failed" in last
    assert f"best mIoU {units.percent(best)} %  loss " in last
    assert "trials/h" in last
    assert last.endswith("left]")


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """As in a terminal; what a shell starts in its background ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_in_the_books_takes_effect_when_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = Harness(tmp_path)
    job = take(harness.search)
    finish = harness.ledger.finish

    def interrupted(number: int, measurement: Measurement) -> Trial:
        signal.raise_signal(signal.SIGINT)
        return finish(number, measurement)

    monkeypatch.setattr(harness.ledger, "finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        harness.score(job)
    assert harness.states() == [TrialState.COMPLETE]


def test_the_log_tells_of_every_trial_and_of_its_troubles(tmp_path: Path) -> None:
    with events.logged(tmp_path, "search"):
        harness = Harness(tmp_path, trials=2)
        first = take(harness.search)
        harness.search.finish(first, LOST)
        harness.score(take(harness.search))
        second = take(harness.search)
        for _ in range(2):
            harness.search.finish(second, LOST)
            take(harness.search)
        harness.search.finish(second, LOST)
        third = take(harness.search)
        harness.search.finish(third, Measurement(1, 10, 5, 0.1, failure=Failure.DIVERGED))
    told = [json.loads(line) for line in (tmp_path / events.FILE).read_text().splitlines()]
    of = {name: [each for each in told if each.get("trial") == name] for name in range(3)}
    assert [each["event"] for each in of[0]] == [
        "trial started", "trial runs again", "trial started", "trial finished",
    ]  # fmt: skip
    again = of[0][1]
    assert (again["level"], again["trouble"], again["error"]) == ("warning", "lost", LOST.error)
    assert (of[0][2]["again"], again["setbacks"], "again" in of[0][0]) == (1, 1, False)
    trial = harness.ledger.trials()[0]
    assert (of[0][3]["score"], of[0][3]["key"]) == (trial.score, trial.key)
    assert [each["event"] for each in of[1]][-2:] == ["trial started", "trial failed"]
    assert (of[1][-1]["level"], of[1][-1]["setbacks"]) == ("error", 3)
    assert (of[2][-1]["state"], of[2][-1]["failure"]) == ("infeasible", "diverged")


@pytest.mark.parametrize("times", [3, 2])
def test_a_full_disk_is_forgiven_twice_as_a_lost_worker_is(tmp_path: Path, times: int) -> None:
    harness = Harness(tmp_path)
    job = take(harness.search)
    for _ in range(times):
        harness.search.finish(job, Crash(Trouble.DISK, "OSError: No space left on device", "..."))
        job = take(harness.search)
    assert harness.states()[0] is (TrialState.FAILED if times == 3 else TrialState.RUNNING)
    assert setbacks(harness.ledger.trials()) == {"disk": times}


def test_a_last_line_that_a_power_cut_left_is_told_of_once(tmp_path: Path) -> None:
    Harness(tmp_path).ledger.close()
    with (tmp_path / "ledger.journal").open("a") as file:
        file.write('{"op_code":6,"wor\n\n')
    said = []
    for _ in range(2):
        with events.logged(tmp_path, "search"):
            harness = Harness(tmp_path)
        harness.ledger.close()
        said.append(harness.text.getvalue())
    path = tmp_path / "ledger.journal"
    assert said[0].startswith(f"{path}: its last line is no whole record and is dropped (19 bytes)")
    assert said[1] == ""
    assert (tmp_path / events.FILE).read_text().count('"event": "ledger mended"') == 1


ENTRY = SPACE.sample(np.random.default_rng(3))


class Entry:
    """Proposes the network of a baseline, then others."""

    def __init__(self) -> None:
        self.told: list[Trial] = []
        self._random = RandomSearch(SPACE, 0)

    def ask(self, number: int, history: Sequence[Trial]) -> Genotype:
        if not history:
            return ENTRY
        return self._random.ask(number, history)

    def tell(self, trial: Trial) -> None:
        self.told.append(trial)


@pytest.mark.parametrize("limited", [False, True])
def test_a_candidate_that_is_a_baseline_is_not_trained_again(tmp_path: Path, limited: bool) -> None:
    """Unless it may be beyond a limit, which nobody asked the baseline."""
    limits = (Limit("latency", 0.1, Scale(), (64, 64)),) if limited else ()
    harness = Harness(tmp_path, trials=2, limits=limits)
    controller = Entry()
    harness.search._controller = controller
    harness.search._baselines = deque([Baseline("entry", SPACE.decode(ENTRY))])
    trained = []
    while (job := harness.search.next()) is not None:
        trained.append(job.number)
        harness.score(job)
    assert trained == ([0, 1, 2] if limited else [0, 2])
    trials = harness.ledger.trials()
    assert [t.state for t in trials] == [TrialState.COMPLETE] * 3
    assert trials[1].key == trials[0].key
    assert trials[1].score == trials[0].score
    assert [t.number for t in controller.told] == [1, 2]
