"""The ledger's contract, on every kind of storage."""

from __future__ import annotations

import dataclasses
import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from proxy_tasks.task import Failure, Measurement
from results.ledger import Ledger
from results.order import in_order_of_ending
from results.trial import TrialState
from search_space.errors import UserError
from search_space.resnet import DilatedResNet
from tests.support import clocks, postgresql
from tests.support.ledgers import (
    ARCHITECTURE,
    COUNTER,
    GENES,
    INFEASIBLE,
    MEASURED,
    METADATA,
    create,
    seen,
    start,
    storage_of,
)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Optuna's tables, made once: that is most of the time of a test."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    optuna.storages.RDBStorage(f"sqlite:///{path}").engine.dispose()
    return path


@pytest.fixture(scope="session")
def server() -> Iterator[postgresql.Server]:
    if reason := postgresql.missing():
        pytest.skip(reason)
    with postgresql.running() as server:
        server.make_database("empty")
        optuna.storages.RDBStorage(server.url("empty")).engine.dispose()
        yield server


@pytest.fixture
def on_server(server: postgresql.Server) -> str:
    name = f"test{next(COUNTER)}"
    server.make_database(name, template="empty")
    return server.url(name)


@pytest.fixture(params=["journal", "sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path) -> str:
    if request.param == "postgresql":
        url: str = request.getfixturevalue("on_server")
        return url
    if request.param == "journal":
        return str(tmp_path / "ledger.journal")
    shutil.copy(empty_database, tmp_path / "ledger.db")
    return f"sqlite:///{tmp_path}/ledger.db"


class TestEveryStorage:
    def test_numbers_are_consecutive_from_zero(self, place: str) -> None:
        with create(place) as ledger:
            first = [start(ledger).number for _ in range(2)]
        with Ledger.open(place) as ledger:
            assert [*first, start(ledger).number] == [0, 1, 2]

    def test_a_started_trial_is_whole_for_another_reader_at_once(self, place: str) -> None:
        with create(place) as ledger:
            trial = start(ledger)
            assert seen(place) == [trial]
        assert trial.state is TrialState.RUNNING
        assert (trial.genotype, trial.key, trial.name) == ((2, 3), "key", "trial")
        assert trial.backbone == ARCHITECTURE
        assert trial.started is not None
        assert trial.started.tzinfo is not None

    def test_a_finished_trial_comes_back_as_it_was_measured(self, place: str) -> None:
        with create(place) as ledger:
            trial = ledger.finish(start(ledger).number, MEASURED)
            assert ledger.trials() == seen(place) == [trial]
        assert trial.state is TrialState.COMPLETE
        assert trial.measurement == MEASURED
        assert (trial.score, trial.seconds) == (0.413, 41.5)
        assert trial.started is not None
        assert trial.finished is not None
        assert trial.started <= trial.finished

    def test_a_baseline_has_no_genotype(self, place: str) -> None:
        resnet = DilatedResNet(output_stride=8)
        with create(place) as ledger:
            ledger.start("ResNet-50", "baseline", resnet, "r50", None)
        (trial,) = seen(place)
        assert (trial.kind, trial.backbone, trial.genotype) == ("baseline", resnet, None)

    def test_an_architecture_that_failed_is_infeasible_and_has_no_score(self, place: str) -> None:
        with create(place) as ledger:
            ledger.finish(start(ledger).number, INFEASIBLE)
        (trial,) = seen(place)
        assert trial.state is TrialState.INFEASIBLE
        assert trial.measurement is not None
        assert trial.measurement.failure is Failure.DIVERGED
        assert trial.score is None

    def test_machines_that_gave_up_are_no_measurement(self, place: str) -> None:
        with create(place) as ledger:
            ledger.fail(start(ledger).number, "worker lost 3 times")
        (trial,) = seen(place)
        assert trial.state is TrialState.FAILED
        assert (trial.measurement, trial.error) == (None, "worker lost 3 times")

    def test_trials_finish_in_any_order_under_their_own_numbers(self, place: str) -> None:
        with create(place) as ledger:
            for _ in range(3):
                start(ledger)
            ledger.finish(2, MEASURED)
            ledger.trials()
            ledger.finish(0, INFEASIBLE)
            states = [trial.state.value for trial in ledger.trials()]
        assert states == ["infeasible", "running", "complete"]

    @pytest.mark.parametrize("miou", [math.nan, math.inf, None])
    def test_a_score_that_is_no_number_is_refused(self, place: str, miou: float | None) -> None:
        with create(place) as ledger:
            trial = start(ledger)
            with pytest.raises(ValueError, match=r"trial 0: (mIoU|the score) must be finite"):
                ledger.finish(0, Measurement(1, 1, 1, 1.0, miou=miou, loss=1.0))
            assert ledger.trials() == [trial]

    def test_order_is_told_by_counts_whatever_the_clock_does(self, place: str) -> None:
        with create(place) as ledger:
            numbers = [start(ledger).number for _ in range(3)]
            ledger.finish(numbers[2], MEASURED)
            start(ledger)
            ledger.fail(numbers[0], "lost")
            ledger.finish(numbers[1], INFEASIBLE)
            start(ledger)
        clocks.set_back(place)
        with Ledger.open(place) as ledger:
            assert [trial.after for trial in ledger.trials()] == [0, 0, 0, 1, 3]
            assert [trial.ending for trial in ledger.trials()] == [1, 2, 0, None, None]
            assert ledger.stop(3, dataclasses.replace(MEASURED, score=0.1)).ending == 3
            assert start(ledger).after == 4
        assert [trial.number for trial in in_order_of_ending(seen(place))] == [2, 0, 1, 3]

    def test_what_has_ended_stays_as_it_is(self, place: str) -> None:
        with create(place) as ledger:
            ledger.finish(start(ledger).number, MEASURED)
            with pytest.raises(ValueError, match="trial 0 has already ended"):
                ledger.fail(0, "late")
            with pytest.raises(ValueError, match="trial 1 was never started"):
                ledger.finish(1, MEASURED)

    def test_a_genotype_outside_the_box_is_refused(self, place: str) -> None:
        with create(place) as ledger:
            with pytest.raises(ValueError, match=r"b02\.dilation must be between 0 and 3"):
                start(ledger, (0, 4))
            assert ledger.trials() == []

    def test_it_keeps_what_the_run_was_made_with(self, place: str) -> None:
        create(place).close()
        ledger = Ledger.open(place, read_only=True)
        assert (ledger.name, ledger.genes, ledger.metadata) == ("run", GENES, METADATA)

    def test_a_reader_cannot_write(self, place: str) -> None:
        create(place).close()
        with pytest.raises(PermissionError, match="not open for writing"):
            start(Ledger.open(place, read_only=True))

    def test_a_reader_sees_what_comes_later(self, place: str) -> None:
        with create(place) as ledger:
            reader = Ledger.open(place, read_only=True)
            start(ledger)
            assert [trial.state for trial in reader.trials()] == [TrialState.RUNNING]
            done = ledger.finish(0, MEASURED)
            assert reader.trials() == [done]

    def test_an_existing_run_is_not_overwritten(self, place: str) -> None:
        with create(place) as ledger:
            start(ledger)
        with pytest.raises(UserError, match="already"):
            create(place)
        assert len(seen(place)) == 1

    def test_a_study_of_another_program_is_refused(self, place: str) -> None:
        optuna.create_study(study_name="other", storage=storage_of(place))
        with pytest.raises(UserError, match="study other is not a ledger of this program"):
            Ledger.open(place)

    def test_optuna_opens_it_as_it_is(self, place: str) -> None:
        with create(place) as ledger:
            ledger.finish(start(ledger).number, MEASURED)
            ledger.finish(start(ledger).number, INFEASIBLE)
        study = optuna.load_study(study_name="run", storage=storage_of(place))
        assert study.direction is optuna.study.StudyDirection.MAXIMIZE
        best = study.best_trial
        assert (best.number, best.value) == (0, 0.413)
        assert best.user_attrs["genotype"] == [2, 3]
        assert best.user_attrs["measurement"]["macs"] == 152_000_000
        assert study.trials[1].state is optuna.trial.TrialState.FAIL
        assert study.trials[1].user_attrs["measurement"]["failure"] == "diverged"

    def test_a_kill_in_the_midst_of_an_outcome_does_not_colour_the_next(self, place: str) -> None:
        with create(place) as ledger:
            start(ledger)
        study = optuna.load_study(study_name="run", storage=storage_of(place))
        left = {"measurement": {"failure": "diverged"}, "reason": "infeasible", "latency": 1.0}
        for name, value in left.items():
            study._storage.set_trial_user_attr(study.trials[0]._trial_id, name, value)
        with Ledger.open(place) as ledger:
            ledger.finish(0, Measurement(1, 1, 1, 1.0, miou=0.5, loss=1.0))
        (trial,) = seen(place)
        assert trial.state is TrialState.COMPLETE
        assert trial.measurement == Measurement(1, 1, 1, 1.0, miou=0.5, loss=1.0)

    def test_there_is_one_writer(self, place: str) -> None:
        with create(place), pytest.raises(UserError, match="another process is writing") as caught:
            Ledger.open(place)
        assert postgresql.PASSWORD not in str(caught.value)
        with Ledger.open(place) as ledger:
            start(ledger)

    def test_a_reader_of_its_storage_can_change_nothing(self, place: str) -> None:
        create(place).close()
        reader = Ledger.open(place, read_only=True)
        with pytest.raises((PermissionError, optuna.exceptions.StorageInternalError)):
            reader._storage.set_study_user_attr(reader._study_id, "format", "other")

    def test_a_ledger_that_a_kill_left_half_made_is_made(self, place: str) -> None:
        if "://" not in place:
            pytest.skip("a journal appears when it is whole")
        optuna.create_study(study_name="run", storage=place)
        with create(place) as ledger:
            assert ledger.genes == GENES

    def test_scores_are_exact_and_times_are_rounded(self, place: str) -> None:
        third = 1 / 3
        exact = {"miou": third, "loss": third, "train_loss": third, "score": third}
        measured = Measurement(
            2, 1, 1, third, **exact, class_iou=(third,), latency=third / 1e3, curve=(None, third)
        )
        with create(place) as ledger:
            trial = ledger.finish(start(ledger).number, measured)
        assert trial.measurement == dataclasses.replace(
            measured, seconds=0.333, class_iou=(0.333333,), latency=0.000333333
        )

    def test_a_fresh_process_reads_the_same(self, place: str) -> None:
        with create(place) as ledger:
            ledger.finish(start(ledger).number, MEASURED)
            expected = repr(ledger.trials())
        code = (
            "import sys; from results.ledger import Ledger;"
            "print(repr(Ledger.open(sys.argv[1], read_only=True).trials()))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, place], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected
        assert done.stderr == ""


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("place", ["{}/ledger.journal", "sqlite:///{}/ledger.db"])
def test_nothing_there_is_one_line_and_makes_no_file(
    place: str, read_only: bool, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="no ledger there") as caught:
        Ledger.open(place.format(tmp_path), read_only=read_only)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


class TestUrls:
    @pytest.mark.parametrize("url", ["nonsense://x", "://", "redis://host"])
    def test_an_unknown_storage_is_one_line(self, url: str) -> None:
        with pytest.raises(UserError) as caught:
            Ledger.create(url, "run", GENES, METADATA)
        assert "\n" not in str(caught.value)

    def test_a_password_is_not_shown(self, tmp_path: Path) -> None:
        with pytest.raises(UserError) as caught:
            Ledger.open("postgresql://me:secret@localhost:1/none")
        assert "secret" not in str(caught.value)

    def test_a_storage_of_several_runs_asks_which(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path}/runs.db"
        for name in ("a", "b"):
            Ledger.create(url, name, GENES, METADATA).close()
        assert Ledger.open(url, "b", read_only=True).name == "b"
        with pytest.raises(UserError, match=r"which run\? give its name \(there: a, b\)"):
            Ledger.open(url)
        with pytest.raises(UserError, match="no run named 'c'"):
            Ledger.open(url, "c")


WRITER = """
import sys
import time
from results.ledger import Ledger
from search_space.errors import UserError
from tests.support.ledgers import MEASURED, start
for attempt in range(100):  # a server takes a moment to see that a writer was killed
    try:
        ledger = Ledger.open(sys.argv[1])
        break
    except UserError:
        time.sleep(0.05)
print("ready", flush=True)
while True:
    trial = start(ledger)
    print("started", trial.number, flush=True)
    ledger.finish(trial.number, MEASURED)
    print("finished", trial.number, flush=True)
"""


@pytest.mark.parametrize("place", ["journal", "postgresql"], indirect=True)
def test_kill_9_of_the_writer_at_any_instant_loses_nothing_it_reported(place: str) -> None:
    create(place).close()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    chance = random.Random(5)
    reported: dict[str, int] = {"started": -1, "finished": -1}
    for _ in range(2):
        command = [sys.executable, "-c", WRITER, place]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            for _ in range(chance.randrange(4, 12)):  # so that there is something to lose
                line = child.stdout.readline().split()
                reported[line[0]] = int(line[1])
            time.sleep(chance.uniform(0, 0.03))
            child.send_signal(signal.SIGKILL)
            for line in child.stdout.read().splitlines(keepends=True):
                if line.endswith("\n"):
                    event, number = line.split()
                    reported[event] = int(number)
        trials = seen(place)
        assert [trial.number for trial in trials] == list(range(len(trials)))
        assert len(trials) > reported["started"]
        done = [t.number for t in trials if t.state is TrialState.COMPLETE]
        assert reported["finished"] <= max(done, default=-1)
        assert all(trials[number].measurement == MEASURED for number in done)
    assert reported["finished"] >= 3
