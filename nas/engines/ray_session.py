"""The Ray that a command runs on: a cluster that it joins, or one of its own."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from nas.cluster.own import OwnNode, own_node
from nas.engines import ray_cluster, vigil
from nas.engines.ray_start import begin, ray
from nas.failures import EngineLost


@contextmanager
def running(address: str | None, cpus: int) -> Iterator[None]:
    """A Ray to run on: the one that we are in; else the cluster at ``address``; else one of our own
    with so many ``cpus``. At the end we leave what was joined or started here, and nothing else.

    Raises:
        UserError: as ``ray_cluster.join`` does.
        EngineLost: one of our own did not start.
    """
    if ray.is_initialized():
        yield
    elif address:
        with ray_cluster.joined(address):
            yield
    else:
        with own(cpus):
            yield


@contextmanager
def own(cpus: int) -> Iterator[None]:
    """A Ray of this process alone, with no dashboard, that ends with it. Never one that RAY_ADDRESS
    or another Ray's file on this machine leads to. EngineLost when it does not start."""
    with own_node(cpus) as started:
        try:
            with _found(started):
                begin(address="auto", logging_level=logging.CRITICAL, log_to_driver=False)
            with vigil.kept(started.alive):
                yield
        finally:
            ray.shutdown()


@contextmanager
def _found(started: OwnNode) -> Iterator[None]:
    """The node is the one that Ray finds by itself, to which alone it shows our token wherever it
    was imported before."""
    given = {name: os.environ.pop(name, None) for name in ("RAY_ADDRESS", "RAY_TMPDIR")}
    os.environ["RAY_TMPDIR"] = str(started.folder)
    try:
        yield
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise EngineLost(f"Ray started and cannot be reached ({said})") from error
    finally:
        for name, value in given.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
