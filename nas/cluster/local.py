"""A real Ray cluster of separate raylets on this machine, which outlives the command that made it.

Each node is a ``ray start`` in a session of its own, led by a process that watches over it. What
was started stands in ``FOLDER/NAME/state.json``, so that exactly these processes can be ended;
Ray's files lie in a short temporary folder, as the paths of sockets must be. Other Rays are left
alone.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nas.cluster import node, processes
from nas.cluster.config import LocalConfig
from nas.cluster.token import ensure_token
from nas.failures import RunFailed
from search_space.errors import UserError
from search_space.files import at_home, replacing

FOLDER = Path("~/.cache/spinenet-seg/clusters")
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
        if any(each.alive for each in load(name, folder).nodes):
            raise UserError(f"{name}: is already running; `nas cluster down {name}` ends it")
        down(name, folder)
    ensure_token()
    scratch = Path(tempfile.mkdtemp(prefix="nas-ray-", dir="/tmp"))
    birth = _Birth(config, name, state, scratch)
    try:
        birth.begin(node.HEAD)
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
    living = [each for each in known.nodes if each.alive]
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
    _held: list[node.Begun] = field(default_factory=list)

    @property
    def cluster(self) -> LocalCluster:
        return LocalCluster(self.name, self.address, str(self.scratch), tuple(self.nodes))

    def begin(self, how: list[str]) -> None:
        """Start a node and wait until it is up. RunFailed, with Ray's last word, when it will
        not."""
        number = len(list(self.scratch.glob("node-*.log")))
        said = node.NO_WORD
        for _ in range(node.ATTEMPTS):
            found, begun = _start(self.config, self.scratch, number, how)
            self.nodes.append(found)
            self._held.append(begun)
            self.write()
            if begun.is_up():
                return
            said = begun.last_word
            begun.end()
            self.nodes.pop()
            self._held.pop()
        raise RunFailed(f"node {number} did not start: {said}")

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
        processes.end(each.process for each in self._held)

    def let_go(self) -> LocalCluster:
        for each in self._held:
            each.let_go()
        return self.cluster


def load(name: str, folder: Path) -> LocalCluster:
    """One that was started. UserError where there is none."""
    try:
        values = json.loads(_state(name, folder).read_text())
    except FileNotFoundError:
        raise UserError(
            f"{name}: no such cluster runs here; `nas cluster up local` starts one"
        ) from None
    nodes = tuple(LocalNode(**each) for each in values.pop("nodes"))
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
    known = [(each, processes.started(each.process)) for each in cluster.nodes]
    return [each.process for each, now in known if now in (None, each.started)]


def _state(name: str, folder: Path) -> Path:
    return at_home(folder) / name / "state.json"


def _start(
    config: LocalConfig, scratch: Path, number: int, how: list[str]
) -> tuple[LocalNode, node.Begun]:
    cache, inside, log = scratch / f"node-{number}", scratch / "tmp", _log(scratch, number)
    inside.mkdir(exist_ok=True)
    size = [f"--num-cpus={config.cpus}", f"--num-gpus={config.gpus}", f"--temp-dir={scratch}"]
    environment = {"RAY_AUTH_MODE": "token", NODE_CACHE: str(cache), "TMPDIR": str(inside)}
    begun, line = node.begin(log, [*how, *size], environment)
    found = LocalNode(begun.pid, processes.started(begun.pid) or "", str(cache))
    return found, node.Begun(begun.pid, line, log, lambda: found.alive)


def _log(scratch: Path, number: int) -> Path:
    return scratch / f"node-{number}.log"
