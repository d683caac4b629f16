"""A Ray of a command's own: one node that ends with the command, however that ends, and leaves
neither a process nor a file behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nas.cluster import node, processes, watch
from nas.cluster.token import ensure_own_token
from nas.failures import EngineLost

SOCKET_PATH = 107 if sys.platform == "linux" else 103
"""Bytes that the path of a Unix socket may have (unix(7))."""
SOCKET = "/nas-ray-12345678/ray/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
"""The longest that we and Ray make in a temporary folder; the last number is a process."""
SHORT = "/tmp"
ENDS_WITHIN = 30.0
"""Seconds that the process that watches over it may take to clear up."""


class OwnNode:
    """``folder`` is what Ray takes for the machine's temporary one."""

    def __init__(self, cpus: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="nas-ray-", dir=_short()))
        inside = self.folder / "tmp"
        inside.mkdir()
        environment = {"RAY_TMPDIR": str(self.folder), "TMPDIR": str(inside)}
        if (mode := os.environ.get("RAY_AUTH_MODE")) is not None:
            environment["RAY_AUTH_MODE"] = mode
        log = self.folder / "node.log"
        how = [*node.HEAD, f"--num-cpus={cpus}"]
        self._process, line = node.begin(log, how, environment, [watch.OWN, str(self.folder)])
        self.begun = node.Begun(self._process.pid, line, log, self.alive)

    def alive(self) -> bool:
        """Whether its Ray runs. When one of Ray's processes dies, all do."""
        return self._process.poll() is None and not (self.folder / watch.ENDED).exists()

    def end(self) -> None:
        """With all that it has, at once: there is nothing to drain."""
        self.begun.line.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDS_WITHIN)
        if self.folder.exists():  # who watches over it hangs, or was killed
            processes.end([self._process.pid])
            shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def own_node(cpus: int) -> Iterator[OwnNode]:
    """One with so many CPUs and all GPUs, while inside.

    Raises:
        EngineLost: it did not start, as often as it was tried.
    """
    ensure_own_token()  # Ray would make one that all can read
    begun = _started(cpus)
    try:
        yield begun
    finally:
        begun.end()


def _started(cpus: int) -> OwnNode:
    said = node.NO_WORD
    for _ in range(node.ATTEMPTS):
        found = OwnNode(cpus)
        try:
            if found.begun.is_up():
                return found
            said = found.begun.last_word
        except BaseException:
            found.end()
            raise
        found.end()
    raise EngineLost(f"Ray did not start in {node.ATTEMPTS} attempts ({said})")


def _short() -> str:
    """Where the temporary folder's own path is too long for Ray's sockets in it, another one."""
    folder = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    return folder if len(os.fsencode(folder + SOCKET)) <= SOCKET_PATH else SHORT
