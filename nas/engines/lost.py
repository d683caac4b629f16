"""Why a worker was lost, from what Ray reports."""

from __future__ import annotations

from nas.engines.base import Crash, Trouble

WORKER = "the worker was lost"
NODE = "the worker's node was lost"
PREEMPTED = "the worker's node was taken back"
MEMORY = "the worker was ended: its node ran out of memory"


def lost(error: BaseException | None) -> Crash:
    """From one of ``ray.exceptions``, or None where Ray has none."""
    return Crash(Trouble.LOST, _reason(error))


def hung(seconds: float) -> Crash:
    """``seconds`` is the deadline that was missed."""
    return Crash(
        Trouble.HUNG, f"the worker hung: an epoch took over {seconds:.0f} s and it was ended"
    )


def _reason(error: BaseException | None) -> str:
    if getattr(error, "preempted", False):
        return PREEMPTED
    text = f"{type(error).__name__} {error}".lower()
    if "outofmemory" in text or "running low on memory" in text:
        return MEMORY
    if "node has died" in text or "nodedied" in text or "node was terminated" in text:
        return NODE
    return WORKER
