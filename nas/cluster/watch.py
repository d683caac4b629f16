"""Keeps a node of Ray on this machine from outliving its birth.

``python -m nas.cluster.watch COMMAND`` leads the node's session and runs the command. Whoever
started it holds the other end of its standard input, and writes ``STAY`` there when the whole
cluster stands: until then the node ends with them, however they end; from then on it is on its own.

With ``--own FOLDER`` before the command it never is: it ends with them at once, and the folder
too. Where the node ended before them, ``ended`` in the folder says so.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from nas.cluster import processes

STAY = b"stay"
OWN = "--own"
ENDED = "ended"


def main(arguments: list[str]) -> int:
    """The command's exit code, when nothing is left of its session."""
    own, command = None, arguments
    if arguments[0] == OWN:
        own, command = Path(arguments[1]), arguments[2:]
    node = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: node.terminate())
    grace = 0 if own else processes.GRACE
    orphan = threading.Thread(target=_end_if_orphaned, args=(node, grace), daemon=True)
    orphan.start()
    code = node.wait()
    _end_session()
    if own:
        (own / ENDED).touch()
        orphan.join()
        shutil.rmtree(own, ignore_errors=True)
    return code


def _end_session() -> None:
    """All but ourselves."""
    while left := [each for each in processes.of_session(os.getpid()) if each != os.getpid()]:
        for process in left:
            processes.send(process, signal.SIGKILL)
        time.sleep(0.05)


def _end_if_orphaned(node: subprocess.Popen[bytes], grace: float) -> None:
    if sys.stdin.buffer.read(len(STAY)) == STAY:
        return
    if grace:
        node.terminate()
    try:
        node.wait(grace)
    except subprocess.TimeoutExpired:
        node.kill()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
