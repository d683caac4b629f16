"""Joining a Ray that runs already, and what it has."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nas.engines import vigil
from nas.engines.base import Node
from nas.engines.ray_start import begin, ray
from search_space.errors import UserError

REACHED_WITHIN = 5.0
"""Seconds that a cluster may take to answer at all."""
FIRST_WITHIN = 900.0
"""Seconds that the first worker may take to come."""


def join(address: str) -> None:
    """Become a driver of the cluster at ``HOST:PORT``, or of the one that ``auto`` finds.

    Raises:
        UserError: when it cannot be reached, refuses us, or is another Ray or Python.
    """
    _check(address)
    os.environ.setdefault("RAY_gcs_server_port_wait_time_s", "5")  # tries, a second each
    try:
        begin(address=address, logging_level=logging.CRITICAL, log_to_driver=False)
    except Exception as error:
        ray.shutdown()
        raise UserError(f"engine.address: {address}: {_reason(error)}") from error


@contextmanager
def joined(address: str) -> Iterator[None]:
    """For a moment, or as long as we are in a cluster anyway."""
    if ray.is_initialized():
        yield
        return
    join(address)
    try:
        with vigil.kept(vigil.reachable(*_stays())):
            yield
    finally:
        ray.shutdown()


def _stays() -> list[tuple[str, int]]:
    """Where the control service and the node of this process answer: without them nothing goes
    on."""
    here = ray.get_runtime_context()
    host, _, port = here.gcs_address.rpartition(":")
    ours = [node for node in ray.nodes() if node["NodeID"] == here.get_node_id()]
    nodes = [(node["NodeManagerAddress"], int(node["NodeManagerPort"])) for node in ours]
    return [(host.strip("[]"), int(port)), *nodes]


def nodes(address: str) -> list[Node]:
    """Every node that the cluster knows of, dead ones too. UserError as for ``join``."""
    with joined(address):
        return [_node(values) for values in ray.nodes()]


def trainers(address: str) -> list[Node]:
    """The nodes that live and train, as soon as there are any: an autoscaler's come late.

    Raises:
        UserError: as for ``join``, and when none came.
    """
    with joined(address):
        deadline = time.monotonic() + FIRST_WITHIN
        while time.monotonic() < deadline:
            if found := [node for node in nodes(address) if node.alive and node.cpus]:
                return found
            time.sleep(1)
    raise UserError(
        f"engine.address: {address}: no node has a CPU to train on and none came in"
        f" {FIRST_WITHIN / 60:.0f} minutes; give the cluster's workers a min of 1"
    )


def _node(values: dict[str, Any]) -> Node:
    has = values["Resources"]
    where = f"{values['NodeManagerAddress']}:{values['NodeManagerPort']}"
    return Node(
        values["NodeID"], where, values["Alive"], int(has.get("CPU", 0)), int(has.get("GPU", 0))
    )


def _check(address: str) -> None:
    """Ray waits long for a cluster that is not there."""
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not colon or "/" in address or not port.isdigit():
        raise UserError(
            f"engine.address: {address}: write HOST:PORT, as `nas cluster up` prints it, or auto,"
            " and run on a node of the cluster"
        )
    try:
        socket.create_connection((host, int(port)), REACHED_WITHIN).close()
    except (OSError, OverflowError) as error:
        raise UserError(f"engine.address: {address}: no Ray cluster answers ({error})") from None


def _reason(error: BaseException) -> str:
    """In one line, from the whole chain of causes: Ray tells the cause last."""
    chain: BaseException | None = error
    said = ""
    while chain:
        said, chain = f"{said} {chain}", chain.__cause__ or chain.__context__
    words = " ".join(said.split())
    if "Version mismatch" in words:
        return words[words.index("Version mismatch") :][:300]
    if "InvalidAuthToken" in words or "uthentication" in words:
        return "it refuses the token in ~/.ray/auth_token; put the cluster's own there"
    return words[:300]
