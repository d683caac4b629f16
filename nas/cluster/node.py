"""A node of Ray on this machine: ``ray start`` in a session of its own, led by a process that
watches over it, so that exactly these processes can be ended. Other Rays are left alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, cast

from nas.cluster import processes, watch

WATCHED = [sys.executable, "-m", "nas.cluster.watch"]
HEAD = ["--head", "--port=0", "--include-dashboard=false"]
ATTEMPTS = 3
"""Ray gives a raylet half a minute to start, which on a busy machine may be too little."""
UP = "block forever"
"""Of the last that Ray says when all has started."""
NO_WORD = "no word"


@dataclass(frozen=True)
class Begun:
    """One that is starting, or has. ``line`` holds it: see ``watch``."""

    process: int
    line: BinaryIO
    log: Path
    alive: Callable[[], bool]

    def is_up(self) -> bool:
        """Once it is; False when it died before."""
        while UP not in self._said():
            if not self.alive():
                return UP in self._said()
            time.sleep(0.2)
        return True

    @property
    def last_word(self) -> str:
        """The last line that Ray said."""
        said = self._said().strip().splitlines()
        return said[-1].strip() if said else NO_WORD

    def end(self) -> None:
        """Ask it to end, see that it does, and let go of it."""
        processes.end([self.process])
        self._let_go()

    def let_go(self) -> None:
        """From now on it lives without us."""
        with suppress(BrokenPipeError):
            self.line.write(watch.STAY)
            self.line.flush()
        self._let_go()

    def _let_go(self) -> None:
        with suppress(BrokenPipeError):
            self.line.close()

    def _said(self) -> str:
        with suppress(FileNotFoundError):
            return self.log.read_text(errors="replace")
        return ""


def begin(
    log: Path, how: Sequence[str], environment: dict[str, str], watching: Sequence[str] = ()
) -> tuple[subprocess.Popen[bytes], BinaryIO]:
    """Start one with these options of ``ray start``, which writes to ``log``. Its ports are free
    ones, so that several Rays get along. ``environment`` comes on top of ours; ``watching`` are
    options of ``watch``."""
    given = {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"} | environment
    known = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    ports = ["--dashboard-agent-listen-port=0"]
    # What lacks grpcio opens none for clients.
    ports += ["--ray-client-server-port=0"] if find_spec("grpc") else []
    quiet = ["--include-log-monitor=false", "--disable-usage-stats"]
    with log.open("w") as written:
        begun = subprocess.Popen(
            [*WATCHED, *watching, _ray(), "start", "--block", *how, *ports, *quiet],
            env=known | given,
            stdin=subprocess.PIPE,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return begun, cast(BinaryIO, begun.stdin)


def _ray() -> str:
    """Of the environment that this runs in."""
    beside = Path(sysconfig.get_path("scripts")) / "ray"
    return str(beside if beside.exists() else Path(sys.executable).with_name("ray"))
