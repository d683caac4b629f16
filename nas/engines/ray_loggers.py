"""Ray Tune's own logger callbacks, told of trainings in words that they know: of Tune we use
nothing else, and what they get in a trial's place is ours."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray.tune.logger import LoggerCallback

from nas.config.loggers import LoggerConfig, MLflowConfig, TensorBoardConfig, WandbConfig
from nas.engines.base import Crash, JobSource, Outcome
from nas.engines.tracking import Tracking
from nas.failures import RunFailed
from nas.settings import storage_url
from proxy_tasks.task import Job, Measurement

FAILURES = 3
"""After this many failures in a row a logger is dropped: no training waits for a curve."""
UPLOAD = 60
"""Seconds that the last curves may take to leave, when all trainings have ended."""
_PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
"""The driver waits meanwhile, and MLflow's own are two minutes and seven."""

_log = logging.getLogger(__name__)


class Shown:
    """A training in the place of Tune's trial: all that its loggers read of one."""

    def __init__(self, job: Job, tracking: Tracking, folder: Path) -> None:
        self.trial_id, self._name = uuid.uuid4().hex, job.name
        self.config = self.evaluated_params = tracking.parameters(job)
        self.local_path = str(folder)

    def init_local_path(self) -> None:
        Path(self.local_path).mkdir(parents=True, exist_ok=True)

    def __str__(self) -> str:
        return self._name


class _Follower:
    """One logger. What it raises is a warning, for it is not worth a training."""

    def __init__(self, config: LoggerConfig, tracking: Tracking) -> None:
        self.name, self._tracking = config.name, tracking
        self._failures = 0
        self._shown: dict[int, Any] = {}
        try:
            self._logger = _made(config, tracking)
            self._logger.setup()
        except Exception as error:
            raise RunFailed(f"loggers.{self.name}: {_line(error)}") from error

    def start(self, job: Job) -> None:
        folder = _folder(self._tracking, self.name, job)
        shown = self._shown[job.number] = Shown(job, self._tracking, folder)
        self._tell(self._logger.log_trial_start, shown)

    def epoch(self, job: Job, measured: Measurement) -> None:
        known = {"training_iteration": measured.epochs, **self._tracking.curves(measured)}
        shown = self._shown[job.number]
        self._tell(self._logger.log_trial_result, measured.epochs, shown, known)

    def end(self, number: int, failed: bool) -> None:
        self._tell(self._logger.log_trial_end, self._shown.pop(number), failed)

    def close(self) -> None:
        """What was cut off counts as failed."""
        for number in list(self._shown):
            self.end(number, failed=True)
        self._tell(self._logger.on_experiment_end, [])

    def _tell(self, call: Callable[..., None], *words: Any) -> None:
        if self._failures >= FAILURES:
            return
        try:
            call(*words)
            self._failures = 0
        except Exception as error:
            self._failures += 1
            ends = "; it is dropped" if self._failures == FAILURES else ""
            _log.warning("loggers.%s: %s%s", self.name, _line(error), ends)


class Followed:
    """A source of jobs whose trainings loggers follow."""

    def __init__(self, source: JobSource, followers: list[_Follower]) -> None:
        self._source, self._followers = source, followers

    @property
    def done(self) -> bool:
        return self._source.done

    def next(self) -> Job | None:
        if job := self._source.next():
            for follower in self._followers:
                follower.start(job)
        return job

    def progress(self, job: Job, measurement: Measurement) -> None:
        for follower in self._followers:
            follower.epoch(job, measurement)
        self._source.progress(job, measurement)

    def finish(self, job: Job, outcome: Outcome) -> None:
        for follower in self._followers:
            if isinstance(outcome, Measurement):
                follower.epoch(job, outcome)
            follower.end(job.number, isinstance(outcome, Crash) or outcome.failure is not None)
        self._source.finish(job, outcome)


@contextmanager
def following(source: JobSource, tracking: Tracking) -> Iterator[JobSource]:
    """The source as a run's loggers follow it until its trainings have ended.

    Raises:
        RunFailed: for a logger that does not begin, as its server is not there.
    """
    followers = [_Follower(config, tracking) for config in tracking.loggers]
    try:
        yield Followed(source, followers)
    finally:
        for follower in followers:
            follower.close()


def _made(config: LoggerConfig, tracking: Tracking) -> LoggerCallback:
    """Each library is slow to import."""
    if isinstance(config, MLflowConfig):
        return _mlflow(config, tracking)
    if isinstance(config, WandbConfig):
        return _wandb(config, tracking)
    assert isinstance(config, TensorBoardConfig)
    from ray.tune.logger import TBXLoggerCallback

    return TBXLoggerCallback()


def _mlflow(config: MLflowConfig, tracking: Tracking) -> LoggerCallback:
    from ray.air.integrations.mlflow import MLflowLoggerCallback

    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells of every table that it makes
    uri = config.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")
    return MLflowLoggerCallback(
        uri and storage_url.expanded(uri, key=storage_url.TRACKING),
        experiment_name=config.experiment or tracking.run,
        tags={"run": tracking.run, "phase": tracking.phase},
    )


def _wandb(config: WandbConfig, tracking: Tracking) -> LoggerCallback:
    from ray.air.integrations.wandb import WandbLoggerCallback

    if config.mode == "offline":
        os.environ["WANDB_MODE"] = "offline"  # Ray wants a key otherwise
    _folder(tracking, config.name).mkdir(exist_ok=True)  # its processes stand in it
    return WandbLoggerCallback(
        project=config.project,
        group=tracking.run,
        job_type=tracking.phase,
        entity=config.entity,
        mode=config.mode,
        dir=str(tracking.folder),
        upload_timeout=UPLOAD,
    )


def _folder(tracking: Tracking, name: str, job: Job | None = None) -> Path:
    """Where a logger that writes files has those of a training; TensorBoard one for each."""
    whole = tracking.folder / name
    return whole / tracking.phase / job.name if job and name == "tensorboard" else whole


def _line(error: Exception) -> str:
    """Without passwords."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return storage_url.masked(lines[0])
