"""Ray Tune's control loop, for searches of any length with workers that come and go.

Tune's own way in (``Tuner``) keeps every trial that it ever ran, looks through all of them at each
step, and writes them down to go on from. A search goes on from its ledger, so here a trial that
has ended is forgotten, and a step costs the same after ten thousand of them.
"""

from __future__ import annotations

import time
from typing import Any

from ray import tune
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial

OWN_WORKER_WITHIN = 600.0
"""Seconds that a trial may wait for the worker that starts for it, before it takes a free one."""
NO_CHECKPOINTS = tune.CheckpointConfig(checkpoint_at_end=False)


class Waiting(Trial):
    """Tune's trial, as cheap as a search needs it: its class is at hand, which Tune asks Ray's
    control service for four times; and its worker is not asked twice where it is, for tables that
    nobody sees."""

    def __init__(self, trainable: type[tune.Trainable], **known: Any) -> None:
        self._trainable = trainable
        self.since = time.monotonic()
        super().__init__(
            trainable.__name__,
            stub=True,  # else it asks whether there is such a class
            checkpoint_config=NO_CHECKPOINTS,
            trial_name_creator=_id_of,
            trial_dirname_creator=_id_of,
            **known,
        )

    def get_trainable_cls(self) -> type[tune.Trainable]:
        return self._trainable

    def set_ray_actor(self, ray_actor: Any) -> None:
        self.temporary_state.ray_actor = ray_actor


def _id_of(trial: Trial) -> str:
    return str(trial.trial_id)


class Controller(TuneController):
    """Tune's, without a memory."""

    def run(self) -> None:
        """Until no trial comes any more and all have ended. What a callback raises ends it and
        passes through."""
        try:
            while not self.is_finished():
                self.step()
        except Exception:
            self.cleanup()
            raise
        self.cleanup()

    def checkpoint(self, *args: Any, **options: Any) -> None:
        """Nothing to write down: the ledger is the state."""

    def on_step_end(self) -> None:
        super().on_step_end()
        for trial in (*self._stopped_trials, *self._failed_trials):
            self._trials.remove(trial)
            self._live_trials.discard(trial)
        self._stopped_trials.clear()
        self._failed_trials.clear()
        self._trials_to_cache.clear()

    def _maybe_reuse_cached_actor(self, trial: Trial) -> bool:
        """A free worker takes a new trial, and leaves one whose own worker is starting to that.

        Tune hands it the waiting one, takes back the request for a worker, and makes another for
        the new trial: where trials end sooner than a worker starts, the last workers never come.
        """
        if self._waits_for_its_own(trial) and self._has_new_trial():
            return False
        return bool(super()._maybe_reuse_cached_actor(trial))

    def _waits_for_its_own(self, trial: Trial) -> bool:
        assert isinstance(trial, Waiting)
        waited = time.monotonic() - trial.since
        return trial in self._trial_to_actor and waited < OWN_WORKER_WITHIN

    def _has_new_trial(self) -> bool:
        return any(trial not in self._trial_to_actor for trial in self._pending_trials)
