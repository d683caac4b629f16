"""What each of Ray Tune's loggers gets in the place of Tune's trial has all that it reads there.
One that misses something says so in a warning alone, and its curves are lost."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import pytest

from nas.config.loggers import LoggerConfig, MLflowConfig, TensorBoardConfig, WandbConfig
from nas.engines import ray_loggers
from nas.engines.tracking import Tracking
from proxy_tasks.task import Measurement
from tests.support.runs import UNSTARVED
from tests.support.sources import Recorder

CALLBACKS: dict[type, str] = {
    TensorBoardConfig: "ray.tune.logger.tensorboardx",
    MLflowConfig: "ray.air.integrations.mlflow",
    WandbConfig: "ray.air.integrations.wandb",
}
"""Where Ray has the callback of each."""
NEVER_ASKED = {
    "checkpoint",  # with upload_checkpoints alone
    "experiment_dir_name",  # without a group alone
}


def test_every_logger_is_under_this_contract() -> None:
    assert set(CALLBACKS) == set(get_args(LoggerConfig))


@pytest.mark.parametrize("module", CALLBACKS.values())
def test_what_rays_source_reads_of_a_trial_is_there(module: str, tmp_path: Path) -> None:
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    read = {
        node.attr
        for node in ast.walk(ast.parse(Path(spec.origin).read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "trial"
    }
    assert read, "Ray has its callback elsewhere"
    job = Recorder(1).waiting[0]
    shown = ray_loggers.Shown(job, Tracking((), tmp_path, "search", {}, ("road",)), tmp_path)
    assert {name for name in read - NEVER_ASKED if not hasattr(shown, name)} == set()


@pytest.fixture(params=CALLBACKS)
def config(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LoggerConfig]:
    if request.param is TensorBoardConfig:
        yield TensorBoardConfig()
    elif request.param is MLflowConfig:
        pytest.importorskip("mlflow", reason="no MLflow: pip install mlflow-skinny")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # put back what MLflow writes there
        yield MLflowConfig(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    else:
        pytest.importorskip("wandb", reason="no Weights & Biases: pip install wandb")
        from nas.engines.ray_session import running

        for name, value in {**UNSTARVED, "WANDB_MODE": "offline", "WANDB_SILENT": "true"}.items():
            monkeypatch.setenv(name, value)
        with running(None, cpus=1):
            yield WandbConfig(mode="offline")


def test_a_training_is_followed_to_its_end_without_a_warning(
    config: LoggerConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    read: set[str] = set()

    class Watched(ray_loggers.Shown):
        def __getattribute__(self, name: str) -> Any:
            read.add(name)
            return super().__getattribute__(name)

    monkeypatch.setattr(ray_loggers, "Shown", Watched)
    tracking = Tracking((config,), tmp_path, "search", {"seed": 3}, ("road",))
    with ray_loggers.following(Recorder(2), tracking) as source:
        for epochs in (1, 2):
            job = source.next()
            assert job is not None
            for epoch in range(1, epochs):
                source.progress(job, Measurement(epoch, 1, 1, 1.0, train_loss=1.0))
            source.finish(job, Measurement(epochs, 1, 1, 1.0, train_loss=0.5, miou=0.5))
    assert [each.getMessage() for each in caplog.records if "loggers." in each.getMessage()] == []
    assert read & {"config", "evaluated_params"}, "nothing was told of the training"
