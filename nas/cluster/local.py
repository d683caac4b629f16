"""A real Ray cluster of separate raylets on this machine, which outlives the command that made it.

Each node is a ``ray start`` in a session of its own, led by a process that watches over it. What
was started stands in ``FOLDER/NAME/state.json``, so that exactly these processes can be ended;
Ray's files lie in a short temporary folder, as the paths of sockets must be. Other Rays are left
alone.
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
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, cast

from nas.cluster import processes, watch
from nas.cluster.config import LocalConfig
from nas.cluster.token import ensure_token
from nas.failures import RunFailed
from search_space.errors import UserError
from search_space.files import replacing

FOLDER = Path("~/.cache/spinenet-seg/clusters")
WATCHED = [sys.executable, "-m", "nas.cluster.watch"]
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
        return bool(self.address) and self.nodes[0].alive


def up(config: LocalConfig, name: str, folder: Path) -> LocalCluster:
    """Start one and wait until all its nodes are there.

    Raises:
        UserError: when one of this name is running.
        RunFailed: when a node does not start; then nothing stays behind.
    """
    state = _state(name, folder)
    if state.exists():
        if any(node.alive for node in load(name, folder).nodes):
            raise UserError(f"{name}: is already running; `nas cluster down {name}` ends it")
        down(name, folder)
    ensure_token()
    scratch = Path(tempfile.mkdtemp(prefix="nas-ray-", dir="/tmp"))
    birth = _Birth(config, name, state, scratch)
    try:
        birth.begin(HEAD)
        birth.address = (scratch / "ray_current_cluster").read_text().strip()  # the head wrote it
        for _ in range(1, config.nodes):
            birth.begin([f"--address={birth.address}"])
        birth.write()
    except BaseException:
        birth.end()
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree(state.parent, ignore_errors=True)
        raise
    return birth.let_go()


def mend(config: LocalConfig, name: str, folder: Path) -> LocalCluster:
    """Start a node in the place of each that died, up to the config's number, under a head that
    lives. UserError and RunFailed as for ``up``."""
    known = load(name, folder)
    if not known.alive:
        raise UserError(f"{name}: the head is dead; `nas cluster down {name}` cleans up")
    living = [node for node in known.nodes if node.alive]
    birth = _Birth(config, name, _state(name, folder), Path(known.scratch), known.address, living)
    try:
        for _ in range(len(living), config.nodes):
            birth.begin([f"--address={birth.address}"])
    except BaseException:
        birth.end()
        raise
    return birth.let_go()


@dataclass
class _Birth:
    """A cluster that is being started. It is written down as it grows, each node before anybody
    waits for it, and its nodes end with us until they are let go of: see ``watch``."""

    config: LocalConfig
    name: str
    state: Path
    scratch: Path
    address: str = ""
    nodes: list[LocalNode] = field(default_factory=list)
    _held: list[tuple[LocalNode, BinaryIO]] = field(default_factory=list)

    @property
    def cluster(self) -> LocalCluster:
        return LocalCluster(self.name, self.address, str(self.scratch), tuple(self.nodes))

    def begin(self, how: list[str]) -> None:
        """Start a node and wait until it is up. RunFailed, with Ray's last word, when it will
        not."""
        number = len(list(self.scratch.glob("node-*.log")))
        log = _log(self.scratch, number)
        for _ in range(ATTEMPTS):
            node, held = _start(self.config, self.scratch, number, how)
            self.nodes.append(node)
            self._held.append((node, held))
            self.write()
            if _is_up(node, log):
                return
            processes.end([node.process])
            self.nodes.pop()
            self._held.pop()[1].close()
        said = log.read_text(errors="replace").strip().splitlines()
        raise RunFailed(f"node {number} did not start: {said[-1] if said else 'no message'}")

    def write(self) -> None:
        """UserError where that is not possible."""
        try:
            self.state.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self.state) as draft:
                draft.write_text(json.dumps(asdict(self.cluster), indent=1))
        except OSError as error:
            raise UserError(f"{self.state}: cannot be written ({error.strerror})") from error

    def end(self) -> None:
        """The nodes that were started here."""
        processes.end(node.process for node, _ in self._held)

    def let_go(self) -> LocalCluster:
        for _, held in self._held:
            with suppress(BrokenPipeError), held:
                held.write(watch.STAY)
        return self.cluster


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


def _is_up(node: LocalNode, log: Path) -> bool:
    """Once it is; False when it died before. The last that Ray says is that it will block."""
    while "block forever" not in log.read_text(errors="replace"):
        if not node.alive:
            return False
        time.sleep(0.2)
    return True


def _start(
    config: LocalConfig, scratch: Path, number: int, how: list[str]
) -> tuple[LocalNode, BinaryIO]:
    """The node, and what holds it: see ``watch``."""
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
            [*WATCHED, _ray(), "start", "--block", *how, *size, *ports, *quiet, where],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    assert begun.stdin is not None
    node = LocalNode(begun.pid, processes.started(begun.pid) or "", str(cache))
    return node, cast(BinaryIO, begun.stdin)


def _ray() -> str:
    """Of the environment that this runs in."""
    beside = Path(sysconfig.get_path("scripts")) / "ray"
    return str(beside if beside.exists() else Path(sys.executable).with_name("ray"))


def _log(scratch: Path, number: int) -> Path:
    return scratch / f"node-{number}.log"
