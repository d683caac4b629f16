"""Scores on Ray. Ray does the running; the source knows the truth."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nas.engines import ray_data
from nas.engines.base import JobSource, Resources
from nas.engines.dispatch import Dispatch
from nas.engines.halving import Halving, Judge
from nas.engines.patience import Patience
from nas.engines.ray_pool import RayPool
from nas.engines.ray_session import running
from nas.engines.tracking import Tracking
from proxy_tasks.task import ProxyTask


class RayEngine:
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
        known = self._resources
        with (
            running(self._address, known.all_cpus),
            self._followed(source) as followed,
            RayPool(self._sent(task), known) as pool,
        ):
            judge, patience = Judge(self._halving), Patience(self._patience)
            Dispatch(followed, pool, known, judge, patience).run()

    @contextmanager
    def _followed(self, source: JobSource) -> Iterator[JobSource]:
        """The source as loggers follow it, where there are any."""
        if self._tracking is None:
            yield source
            return
        from nas.engines.ray_loggers import following  # loads a second of Ray Tune

        with following(source, self._tracking) as followed:
            yield followed

    def _sent(self, task: ProxyTask) -> ProxyTask:
        """The task as a worker does it: its data follow it to a cluster, and where a worker has
        several processes they do it."""
        known = self._resources
        task = ray_data.travelling(task) if self._address else task
        if known.processes == 1:
            return task
        from nas.engines.ray_train import DataParallelTask  # loads half a second of Ray Train

        return DataParallelTask(task, known.processes, known.cpus, known.gpus)
