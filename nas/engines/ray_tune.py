"""Scores on Ray workers. Ray Tune does the running; the source, not Tune, knows the truth.

What Tune writes goes to a temporary folder that is removed with the engine: a search resumes from
its ledger.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from nas.cluster.token import show_token
from nas.engines.base import Crash, Halving, JobSource, Resources
from nas.engines.lost import hung, lost
from nas.engines.patience import Patience
from nas.engines.sealed import Sealed
from nas.engines.tracking import Tracking
from nas.engines.worker import Worker
from proxy_tasks.task import Job, Measurement, Metric, ProxyTask

_SETTINGS = {
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # a relative path means the same in a worker
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a baseline is never stopped: it tells no score
}
for _name, _value in _SETTINGS.items():
    os.environ.setdefault(_name, _value)  # read by Ray at import
show_token()  # as is this

import ray  # noqa: E402
from ray import tune  # noqa: E402
from ray.tune.experiment import Experiment, Trial  # noqa: E402
from ray.tune.schedulers import ASHAScheduler  # noqa: E402
from ray.tune.search import SearchAlgorithm  # noqa: E402

from nas.engines import ray_cluster, ray_data, ray_loggers  # noqa: E402
from nas.engines.ray_controller import Controller, Waiting  # noqa: E402

EPOCHS, SCORE = "epochs", "score"
"""Of a result: what the scheduler reads."""


def start_local(cpus: int) -> None:
    """A Ray of this process alone, with no dashboard, that dies with it."""
    with ray_cluster.own_signals():
        ray.init(
            num_cpus=cpus, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False
        )


@contextmanager
def running(address: str | None, cpus: int) -> Iterator[None]:
    """A Ray to run on: the one that we are in; else the cluster at ``address``; else one of our own
    with so many ``cpus``. At the end we leave what was joined or started here, and nothing else.

    Raises:
        UserError: as ``ray_cluster.join`` does.
    """
    if ray.is_initialized():
        yield
        return
    if address:
        ray_cluster.join(address)
    else:
        start_local(cpus)
    try:
        yield
    finally:
        ray.shutdown()


class RayTuneEngine:
    """Workers are Ray actors, kept alive from job to job.

    For ``address`` see ``running``. With ``halving`` jobs may end before their last epoch. A
    worker whose step takes ``patience`` times the median is ended. ``tracking`` is for loggers.
    """

    def __init__(
        self,
        resources: Resources,
        address: str | None = None,
        halving: Halving | None = None,
        patience: float = 10.0,
        tracking: Tracking | None = None,
    ) -> None:
        self._resources, self._address, self._halving = resources, address, halving
        self._patience, self._tracking = patience, tracking

    def run(self, task: ProxyTask, source: JobSource) -> None:
        with (
            running(self._address, self._resources.all_cpus),
            tempfile.TemporaryDirectory(prefix="nas-tune-") as folder,
            ray_loggers.following(self._tracking) as loggers,
        ):
            # Else actors would start one after the other, which takes hours for a thousand.
            os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(self._resources.workers)
            logging.getLogger("ray.tune").setLevel(logging.CRITICAL)
            watch = _Watch(Patience(self._patience))
            task = ray_data.travelling(task) if self._address else task
            task = self._by_processes(task)
            watch.jobs = _Jobs(source, self._resources, watch, self._trainable(task), folder)
            Controller(
                search_alg=watch.jobs,
                scheduler=_scheduler(self._halving) if self._halving else None,
                callbacks=[watch, *loggers],
                storage=watch.jobs.storage,
                reuse_actors=True,
            ).run()
            watch.jobs.reraise()

    def _trainable(self, task: ProxyTask) -> type[tune.Trainable]:
        made: type[tune.Trainable] = tune.with_parameters(
            _Trainable,
            task=task,
            threads=self._resources.cpus,
            metric=self._halving.metric if self._halving else None,
        )
        return made

    def _by_processes(self, task: ProxyTask) -> ProxyTask:
        """The task as it is done by so many processes as a worker has."""
        if self._resources.processes == 1:
            return task
        from nas.engines.ray_train import DataParallelTask  # loads half a second of Ray Train

        known = self._resources
        return DataParallelTask(task, known.processes, known.cpus, known.gpus)


def _scheduler(halving: Halving) -> ASHAScheduler:
    """Tune's, told of what ended before it was made."""
    scheduler = ASHAScheduler(
        time_attr=EPOCHS,
        metric=SCORE,
        mode="max",
        max_t=halving.epochs,
        grace_period=halving.grace_period,
        reduction_factor=halving.reduction_factor,
    )
    controller: Any = None
    for number, curve in enumerate(halving.curves):
        before: Any = SimpleNamespace(trial_id=f"before-{number}")  # all that it looks at
        scheduler.on_trial_add(controller, before)
        for epoch, score in enumerate(curve, start=1):
            if score is not None:
                scheduler.on_trial_result(controller, before, {EPOCHS: epoch, SCORE: score})
    return scheduler


class _Trainable(tune.Trainable):
    """A worker in an actor: one step is one epoch."""

    def setup(  # type: ignore[override]  # with_parameters adds the rest
        self, config: dict[str, Any], task: ProxyTask, threads: int, metric: Metric | None
    ) -> None:
        self._worker, self._metric = Worker(task, threads), metric
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._job: Job = new_config["job"].value
        self._worker.start(self._job)
        return True

    def step(self) -> dict[str, Any]:
        outcome, final = self._worker.step()
        result: dict[str, Any] = {"outcome": Sealed(outcome), "done": final}
        if self._metric and self._job.stoppable and isinstance(outcome, Measurement):
            score = outcome.scored(self._metric).score
            result |= {} if score is None else {EPOCHS: outcome.epochs, SCORE: score}
        return result


class _Watch(tune.Callback):
    """Ends workers that hang, and knows why one was lost. Ends the run where its source raised:
    trainings that are out may take hours, and are run again when the search goes on."""

    jobs: _Jobs

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._running: dict[str, tuple[Trial, float]] = {}
        """Tune's trials, each with the time when its present step began."""
        self._ended: dict[str, Crash] = {}

    def on_trial_start(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        self._running[trial.trial_id] = trial, time.monotonic()

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        result: dict[str, Any],
        **info: Any,
    ) -> None:
        now, (_, began) = time.monotonic(), self._running[trial.trial_id]
        self._patience.took(now - began)
        self._running[trial.trial_id] = trial, now

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        self.jobs.reraise()
        if (limit := self._patience.limit()) is None:
            return
        now = time.monotonic()
        for name, (trial, began) in self._running.items():
            if now - began > limit and name not in self._ended:
                self._ended[name] = hung(limit)
                if actor := trial.temporary_state.ray_actor:
                    ray.kill(actor)

    def leave(self, trial_id: str) -> Crash:
        """The trial has ended; why, if it was not by itself."""
        trial, _ = self._running.pop(trial_id, (None, 0.0))
        crash = self._ended.pop(trial_id, None)
        return crash or lost(trial.get_pickled_error() if trial else None)


class _Jobs(SearchAlgorithm):
    """Asks the source when a worker is free, and tells it what came out. To Tune a job is a trial;
    a source that fails has no more of them, and what it raised is raised by ``reraise``."""

    def __init__(
        self,
        source: JobSource,
        resources: Resources,
        watch: _Watch,
        trainable: type[tune.Trainable],
        folder: str,
    ) -> None:
        self._source, self._resources, self._watch = source, resources, watch
        self._trainable = trainable
        self.storage = Experiment("search", trainable, storage_path=folder).storage
        self._out: dict[str, Job] = {}
        self._error: BaseException | None = None

    def next_trial(self) -> Waiting | None:
        if self._error or self._source.done:
            self.set_finished()
            return None
        if len(self._out) >= self._resources.workers:
            return None
        job = self._guard(self._source.next)
        if job is None:
            return None
        trial = self._trial(job)
        self._out[trial.trial_id] = job
        return trial

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        outcome = result["outcome"].value
        if isinstance(outcome, Measurement) and trial_id in self._out:
            self._guard(self._source.progress, self._out[trial_id], outcome)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        job = self._out.pop(trial_id)
        crash = self._watch.leave(trial_id)
        outcome = result["outcome"].value if result and not error else crash
        self._guard(self._source.finish, job, outcome)

    def _trial(self, job: Job) -> Waiting:
        return Waiting(
            self._trainable,
            config={"job": Sealed(job)},
            storage=self.storage,
            placement_group_factory=tune.PlacementGroupFactory([self._share(job)]),
        )

    def _share(self, job: Job) -> dict[str, float]:
        """What a job gets. Workers are passed on between jobs that get the same."""
        known = self._resources
        if known.processes > 1:  # it only waits; Ray Train gets shares for its processes
            return {"memory": 1}
        return {"CPU": known.cpus, "GPU": max(known.gpus, job.gpu)}

    def _guard(self, call: Any, *arguments: Any) -> Any:
        """Tune takes what is raised here for a trial's, so it is kept for the end."""
        if self._error:
            return None
        try:
            return call(*arguments)
        except BaseException as error:
            self._error = error
            return None

    def reraise(self) -> None:
        """Raise what the source raised."""
        if self._error:
            raise self._error
