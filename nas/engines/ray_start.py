"""Starts Ray for this process. Other modules import ``ray`` from here, because it reads some of its
settings when it is imported."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future
from typing import Any

from nas.cluster.token import show_token
from nas.failures import shielded

_SETTINGS = {
    "RAY_DEDUP_LOGS_SKIP_REGEX": "^",  # of what its processes say: what matters we tell
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # as it will be; else it warns
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
for _name, _value in _SETTINGS.items():
    os.environ.setdefault(_name, _value)
show_token()

import ray  # noqa: E402


def begin(**options: Any) -> None:
    """``ray.init``. A signal to stop that comes meanwhile waits until Ray has begun; then whoever
    handled it before gets it.

    It runs in a thread of its own: in the main one Ray handles SIGTERM itself, and would exit in
    the middle of whatever is running.
    """
    begun: Future[None] = Future()

    def start_and_stay() -> None:
        try:
            ray.init(**options)
        except BaseException as error:
            begun.set_exception(error)
            return
        begun.set_result(None)
        threading.Event().wait()  # Linux ends Ray's processes with the thread that started them

    with shielded():
        threading.Thread(target=start_and_stay, daemon=True).start()
        begun.result()
