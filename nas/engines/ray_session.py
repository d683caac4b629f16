"""The Ray that a command runs on: a cluster that it joins, or one of its own."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from nas.cluster.token import ensure_own_token
from nas.engines import ray_cluster
from nas.engines.ray_start import begin, ray

SOCKET_PATH = 107 if sys.platform == "linux" else 103
"""Bytes that the path of a Unix socket may have (unix(7))."""
SOCKET = "/ray/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
"""The longest that Ray makes in its temporary folder; the last number is a process."""
SHORT = "/tmp"


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


def start_local(cpus: int) -> None:
    """A Ray of this process alone, with no dashboard, that dies with it. Never one that RAY_ADDRESS
    or another Ray's file on this machine leads to."""
    ensure_own_token()  # Ray would make one that all can read
    with _short_paths():
        begin(
            address="local",
            num_cpus=cpus,
            include_dashboard=False,
            logging_level=logging.ERROR,
            log_to_driver=False,
        )


@contextmanager
def _short_paths() -> Iterator[None]:
    """Where the temporary folder's own path is too long for Ray's sockets in it, another one."""
    given = os.environ.get("RAY_TMPDIR")
    folder = given or os.environ.get("TMPDIR") or SHORT
    if len(os.fsencode(folder + SOCKET)) <= SOCKET_PATH:
        yield
        return
    os.environ["RAY_TMPDIR"] = SHORT
    try:
        yield
    finally:
        del os.environ["RAY_TMPDIR"]
        if given:
            os.environ["RAY_TMPDIR"] = given
