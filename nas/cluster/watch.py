"""Keeps a node of a local cluster from outliving its birth.

``python -m nas.cluster.watch COMMAND`` leads the node's session and runs the command. Whoever
started it holds the other end of its standard input, and writes ``STAY`` there when the whole
cluster stands: until then the node ends with them, however they end; from then on it is on its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

from nas.cluster import processes

STAY = b"stay"


def main(command: list[str]) -> int:
    """The command's exit code, when nothing is left of its session."""
    node = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: node.terminate())
    threading.Thread(target=_end_if_orphaned, args=(node,), daemon=True).start()
    code = node.wait()
    for process in processes.of_session(os.getpid()):
        if process != os.getpid():
            processes.send(process, signal.SIGKILL)
    return code


def _end_if_orphaned(node: subprocess.Popen[bytes]) -> None:
    if sys.stdin.buffer.read(len(STAY)) == STAY:
        return
    node.terminate()
    try:
        node.wait(processes.GRACE)
    except subprocess.TimeoutExpired:
        node.kill()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
