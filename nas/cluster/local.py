"""A real Ray cluster of separate raylets on this machine, which outlives the command that made it.

Each node is a ``ray start`` in a session of its own. What was started stands in
``FOLDER/NAME/state.json``, so that exactly these processes can be ended; Ray's files lie in a
short temporary folder, as the paths of sockets must be. Other Rays are left alone.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from nas.cluster import processes
from nas.cluster.config import LocalConfig
from nas.cluster.token import ensure_token
from nas.failures import RunFailed
from search_space.errors import UserError

FOLDER = Path("~/.cache/spinenet-seg/clusters")
HEAD = ["--head", "--port=0", "--include-dashboard=false"]
ATTEMPTS = 3
"""Ray gives a raylet half a minute to start, which on a busy machine may be too little."""
NODE_CACHE = "NAS_NODE_CACHE"
"""Where a node keeps data that came through the object store."""


@dataclass(frozen=True)
class LocalNode:
    """``process`` leads the node's session; ``started`` tells it from a later one of its number."""

    process: int
    started: str
    cache: str

    @property
    def alive(self) -> bool:
        return processes.started(self.process) == self.started


@dataclass(frozen=True)
class LocalCluster:
    """``address`` is for ``nas search --address``; ``scratch`` is Ray's folder."""

    name: str
    address: str
    scratch: str
    nodes: tuple[LocalNode, ...]

    @property
    def alive(self) -> bool:
        """The head stands; workers may come and go."""
        return self.nodes[0].alive


def up(config: LocalConfig, name: str, folder: Path) -> LocalCluster:
    """Start one and wait until all its nodes are there.

    Raises:
        UserError: when one of this name is running.
        RunFailed: when a node does not start; then nothing stays behind.
    """
    state = _state(name, folder)
    if state.exists():
        if any(node.alive for node in load(name, folder).nodes):
            raise UserError(f"{name}: runs already; `nas cluster down {name}` ends it")
        down(name, folder)
    ensure_token()
    scratch = Path(tempfile.mkdtemp(prefix="nas-ray-", dir="/tmp"))
    begun: list[LocalNode] = []
    try:
        begun.append(_begin(config, scratch, 0, HEAD))
        address = (scratch / "ray_current_cluster").read_text().strip()  # as the head wrote it
        for number in range(1, config.nodes):
            # Written down as it grows: whoever dies here leaves something that `down` can end.
            _write(state, LocalCluster(name, address, str(scratch), tuple(begun)))
            begun.append(_begin(config, scratch, number, [f"--address={address}"]))
        cluster = LocalCluster(name, address, str(scratch), tuple(begun))
        _write(state, cluster)
    except BaseException:
        processes.end(node.process for node in begun)
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree(state.parent, ignore_errors=True)
        raise
    return cluster


def load(name: str, folder: Path) -> LocalCluster:
    """One that was started. UserError where there is none."""
    try:
        values = json.loads(_state(name, folder).read_text())
    except FileNotFoundError:
        raise UserError(
            f"{name}: no such cluster runs here; `nas cluster up local` starts one"
        ) from None
    nodes = tuple(LocalNode(**node) for node in values.pop("nodes"))
    return LocalCluster(nodes=nodes, **values)


def down(name: str, folder: Path) -> None:
    """End its processes and remove its files. UserError where there is none."""
    cluster = load(name, folder)
    processes.end(_leaders(cluster))
    shutil.rmtree(cluster.scratch, ignore_errors=True)
    shutil.rmtree(_state(name, folder).parent)


def _leaders(cluster: LocalCluster) -> list[int]:
    """Not those whose number has gone to somebody else. A number is not given away while a
    session has it."""
    known = [(node, processes.started(node.process)) for node in cluster.nodes]
    return [node.process for node, now in known if now in (None, node.started)]


def _state(name: str, folder: Path) -> Path:
    return folder.expanduser() / name / "state.json"


def _write(state: Path, cluster: LocalCluster) -> None:
    try:
        state.parent.mkdir(parents=True, exist_ok=True)
        draft = state.with_suffix(".tmp")
        draft.write_text(json.dumps(asdict(cluster), indent=1))
        draft.replace(state)
    except OSError as error:
        raise UserError(f"{state}: cannot be written ({error.strerror})") from error


def _begin(config: LocalConfig, scratch: Path, number: int, how: list[str]) -> LocalNode:
    """Start a node and wait until it is up. RunFailed, with Ray's last word, when it will not."""
    for _ in range(ATTEMPTS):
        node = _start(config, scratch, number, how)
        try:
            if _is_up(node, _log(scratch, number)):
                return node
        except BaseException:
            processes.end([node.process])
            raise
        processes.end([node.process])
    said = _log(scratch, number).read_text(errors="replace").strip().splitlines()
    raise RunFailed(f"node {number} did not start: {said[-1] if said else 'no word'}")


def _is_up(node: LocalNode, log: Path) -> bool:
    """Once it is; False when it died before. The last that Ray says is that it will block."""
    while "block forever" not in log.read_text(errors="replace"):
        if not node.alive:
            return False
        time.sleep(0.2)
    return True


def _start(config: LocalConfig, scratch: Path, number: int, how: list[str]) -> LocalNode:
    cache = scratch / f"node-{number}"
    environment = os.environ | {
        "RAY_AUTH_MODE": "token",
        "RAY_USAGE_STATS_ENABLED": "0",
        NODE_CACHE: str(cache),
    }
    environment.pop("RAY_ADDRESS", None)
    size = [f"--num-cpus={config.cpus}", f"--num-gpus={config.gpus}"]
    # Ports are free ones, so that several Rays get along; what lacks grpcio opens none for clients.
    ports = ["--dashboard-agent-listen-port=0"]
    ports += ["--ray-client-server-port=0"] if find_spec("grpc") else []
    quiet = ["--include-log-monitor=false", "--disable-usage-stats"]
    where = f"--temp-dir={scratch}"
    with _log(scratch, number).open("w") as log:
        begun = subprocess.Popen(
            [_ray(), "start", "--block", *how, *size, *ports, *quiet, where],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return LocalNode(begun.pid, processes.started(begun.pid) or "", str(cache))


def _ray() -> str:
    """Of the environment that this runs in."""
    beside = Path(sysconfig.get_path("scripts")) / "ray"
    return str(beside if beside.exists() else Path(sys.executable).with_name("ray"))


def _log(scratch: Path, number: int) -> Path:
    return scratch / f"node-{number}.log"
