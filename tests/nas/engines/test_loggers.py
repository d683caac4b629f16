"""Loggers get every epoch's curves and what a training is; none of them is worth a training."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nas import config as configs
from nas.config.loggers import LoggerConfig, MLflowConfig, TensorBoardConfig, WandbConfig
from nas.engines import tracking
from nas.engines.base import Crash, Outcome, Trouble
from nas.engines.tracking import Tracking
from nas.failures import RunFailed
from proxy_tasks.task import Failure, Fidelity, Job, Measurement
from search_space import catalog
from search_space.canonical import canonical_key
from search_space.cost import cost
from search_space.errors import UserError
from search_space.scales import Scale
from tests.support import wandb_files
from tests.support.event_files import curves, words
from tests.support.runs import UNSTARVED

SPEC = catalog.load("spinenet-49")
FIDELITY = Fidelity(epochs=2, size=(32, 48), scale=Scale())
JOB = Job(7, "trial-0007", SPEC, FIDELITY)


def measured(epoch: int, **over: Any) -> Measurement:
    known = Measurement(epoch, macs=1, parameters=1, seconds=float(epoch), train_loss=1 / epoch)
    return Measurement(**{**vars(known), "miou": epoch / 8, **over})


class Given:
    """A source of one job."""

    done = False

    def __init__(self, job: Job) -> None:
        self._job = job

    def next(self) -> Job:
        return self._job

    def progress(self, job: Job, measurement: Measurement) -> None:
        pass

    def finish(self, job: Job, outcome: Outcome) -> None:
        pass


def follow(folder: Path, *loggers: LoggerConfig, job: Job = JOB, outcomes: list[Outcome]) -> None:
    """One training; without outcomes it is cut off."""
    from nas.engines.ray_loggers import following

    tracking = Tracking(loggers, folder, "search", {"seed": 3}, ("road", "car: parked"))
    with following(Given(job), tracking) as source:
        assert source.next() == job
        for outcome in outcomes[:-1]:
            assert isinstance(outcome, Measurement)
            source.progress(job, outcome)
        for outcome in outcomes[-1:]:
            source.finish(job, outcome)


def test_tensorboard_gets_the_curves_and_the_parameters_of_a_training(tmp_path: Path) -> None:
    outcomes: list[Outcome] = [measured(1), measured(2, class_iou=(0.25, None), latency=0.5)]
    follow(tmp_path, TensorBoardConfig(), outcomes=outcomes)
    (folder,) = (tmp_path / "tensorboard").glob("*/*")
    assert folder.relative_to(tmp_path / "tensorboard") == Path("search/trial-0007")
    found = curves(folder)
    assert found["ray/tune/miou"] == [(1, 0.125), (2, 0.25)]
    assert found["ray/tune/train_loss"] == [(1, 1.0), (2, 0.5)]
    assert found["ray/tune/seconds"] == [(1, 1.0), (2, 2.0)]
    assert found["ray/tune/latency"] == [(2, 0.5)]
    assert found["ray/tune/class_iou/road"] == [(2, 0.25)]
    assert "ray/tune/class_iou/car_ parked" not in found
    for word in (canonical_key(SPEC), "macs", "parameters", "trial-0007", "seed"):
        assert word in words(folder)


def test_a_training_that_goes_on_from_a_checkpoint_goes_on_in_its_curve(tmp_path: Path) -> None:
    follow(tmp_path, TensorBoardConfig(), outcomes=[measured(1)])
    time.sleep(1.1)  # its files are told apart by seconds
    follow(tmp_path, TensorBoardConfig(), outcomes=[measured(5), measured(6)])
    found = curves(tmp_path / "tensorboard/search/trial-0007")
    assert [step for step, _ in found["ray/tune/miou"]] == [1, 5, 6]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A store of MLflow's, where its client is installed. To make one costs seconds."""
    pytest.importorskip("mlflow", reason="no MLflow: pip install mlflow-skinny")
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "")  # put back what MLflow writes there
        patch.setenv("NAS_STORE", str(path))
        yield f"sqlite:///{path}"
    logging.getLogger("mlflow").setLevel(logging.INFO)


def runs_of(uri: str, experiment: str) -> tuple[Any, list[Any]]:
    import mlflow

    client = mlflow.MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return client, list(client.search_runs([found.experiment_id], order_by=["start_time ASC"]))


def test_mlflow_gets_the_curves_the_parameters_and_how_a_training_ended(
    tmp_path: Path, server: str
) -> None:
    config = MLflowConfig(tracking_uri="sqlite:///${NAS_STORE}")
    crash = Crash(Trouble.BUG, "KeyError")
    ways: list[list[Outcome]] = [
        [measured(1), measured(2)],
        [measured(1), measured(2, miou=None, failure=Failure.DIVERGED)],
        [crash],
    ]
    for outcomes in ways:
        follow(tmp_path, config, outcomes=outcomes)
    client, (good, diverged, crashed) = runs_of(server, tmp_path.name)
    history = client.get_metric_history(good.info.run_id, "miou")
    assert [(each.step, each.value) for each in history] == [(1, 0.125), (2, 0.25)]
    known = cost(SPEC, FIDELITY.scale, 2, FIDELITY.size)
    wanted = {
        "key": canonical_key(SPEC),
        "macs": str(known.macs),
        "parameters": str(known.parameters),
        "trial": "7",
        "seed": "3",
        "phase": "search",
    }
    assert wanted.items() <= good.data.params.items()
    assert good.info.run_name == "trial-0007"
    ends = [run.info.status for run in (good, diverged, crashed)]
    assert ends == ["FINISHED", "FAILED", "FAILED"]
    assert good.data.tags["run"] == tmp_path.name


def test_a_search_that_is_cut_off_leaves_no_training_that_seems_to_run(
    tmp_path: Path, server: str
) -> None:
    config = MLflowConfig(tracking_uri=server, experiment="x")
    follow(tmp_path, config, outcomes=[])
    _, (run,) = runs_of(server, "x")
    assert run.info.status == "FAILED"


def test_a_tracker_that_does_not_begin_is_told_in_one_line(tmp_path: Path, server: str) -> None:
    config = MLflowConfig(tracking_uri="sqlite:////proc/none/x.db")
    with pytest.raises(RunFailed, match=r"^loggers\.mlflow: [^\n]+$"):
        follow(tmp_path, config, outcomes=[measured(1)])


@pytest.fixture
def a_ray(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ray's callback for Weights & Biases has an actor for each training."""
    pytest.importorskip("wandb", reason="no Weights & Biases: pip install wandb")
    from nas.engines.ray_session import running

    for name, value in {**UNSTARVED, "WANDB_MODE": "offline", "WANDB_SILENT": "true"}.items():
        monkeypatch.setenv(name, value)
    with running(None, cpus=1):
        yield


@pytest.mark.usefixtures("a_ray")
def test_wandb_gets_the_curves_and_the_parameters_of_a_training_offline(tmp_path: Path) -> None:
    config = WandbConfig(project="roads", mode="offline")
    follow(tmp_path, config, outcomes=[measured(1), measured(2)])
    (folder,) = (tmp_path / "wandb").glob("offline-run-*")
    found = wandb_files.curves(folder)
    assert found["miou"] == [(1, 0.125), (2, 0.25)]
    assert found["train_loss"] == [(1, 1.0), (2, 0.5)]
    run = wandb_files.run(folder)
    wanted = {"key": canonical_key(SPEC), "trial": 7, "seed": 3, "phase": "search"}
    assert wanted.items() <= wandb_files.values(run.config.update).items()
    assert (run.project, run.run_group, run.job_type) == ("roads", tmp_path.name, "search")
    assert run.display_name == "trial-0007"


def test_a_logger_that_breaks_costs_warnings_and_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from ray.tune.logger import TBXLoggerCallback

    def broken(*words: Any) -> None:
        raise ConnectionError("http://me:hush@host is gone\nand more")

    monkeypatch.setattr(TBXLoggerCallback, "log_trial_result", broken)
    outcomes: list[Outcome] = [measured(epoch) for epoch in range(1, 8)]
    follow(tmp_path, TensorBoardConfig(), outcomes=outcomes)
    said = [record.getMessage() for record in caplog.records]
    line = "loggers.tensorboard: http://me:***@host is gone"
    assert said == [line, line, f"{line}; it is dropped"]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (["loggers=tensorboard", "engine.name=inline"], r"loggers: .*write engine\.name: ray"),
        (["loggers=[tensorboard, tensorboard]"], "tensorboard is listed twice"),
        (
            ["loggers=[tensorboard, wandb]"],
            r"wandb needs its library: pip install 'spinenet-seg-nas\[wandb\]'",
        ),
    ],
)
def test_loggers_that_cannot_work_are_refused_in_one_line(
    settings: list[str], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = {"wandb"}
    monkeypatch.setattr(tracking, "find_spec", lambda name: None if name in missing else name)
    with pytest.raises(UserError, match=line):
        tracking.check(configs.load("quickstart", settings))


def test_loggers_are_listed_by_name_with_their_options_or_without() -> None:
    known = configs.load("quickstart", ["loggers=tensorboard"]).loggers
    assert known == (TensorBoardConfig(),)
    both = "[tensorboard, {name: wandb, project: roads, mode: offline}]"
    known = configs.load("quickstart", [f"loggers={both}"]).loggers
    assert known == (TensorBoardConfig(), WandbConfig(project="roads", mode="offline"))


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("tensorbord", "loggers: no logger is called 'tensorbord'; did you mean tensorboard"),
        ("{name: mlflow, tracking_url: x}", r"loggers\.mlflow\.tracking_url: .*tracking_uri"),
        ("{name: mlflow, project: x}", "unknown key of mlflow; it is an option of wandb"),
        ("{project: x}", "loggers: item 1 has no name; there are tensorboard, mlflow, wandb"),
        ("{name: mlflow, tracking_uri: 'http://${HOME}@h'}", r"tracking_uri: \$\{HOME\} is not"),
        ("{name: mlflow, tracking_uri: 'http://me:hush@h'}", r"\*\*\*@h.*MLFLOW_TRACKING_PASSWORD"),
    ],
)
def test_a_wrong_logger_is_refused_in_one_line(value: str, line: str) -> None:
    with pytest.raises(UserError, match=line) as caught:
        configs.load("quickstart", [f"loggers=[{value}]"])
    assert "hush" not in str(caught.value)


def test_what_trackers_are_told_of_a_run_is_plain(tmp_path: Path) -> None:
    config = configs.load("quickstart", ["loggers=tensorboard", "proxy.size=[64, 96]", "seed=5"])
    known = tracking.tracking(config, config.proxy, ("road",), tmp_path, "search")
    assert known is not None
    settings = known.settings
    assert (settings["size"], settings["seed"], settings["recipe.batch_size"]) == ("64x96", 5, 8)
    assert settings["scale.filters"] == 0.25
    assert all(isinstance(value, str | int | float | bool) for value in settings.values())
    without = config.model_copy(update={"loggers": ()})
    assert tracking.tracking(without, config.proxy, (), tmp_path, "search") is None
