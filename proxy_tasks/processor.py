"""How many CPU cores this process may use, which may be fewer than the machine has."""

from __future__ import annotations

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores() -> int:
    """At least one: the cores that ``taskset`` or a batch system left to this process, and no
    more than a container's share of processor time."""
    bound = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
    return max(1, min(len(bound) or os.cpu_count() or 1, _share()))


def _share() -> int:
    """Whole cores of the control group's quota (``docker --cpus``); many where there is none."""
    try:
        quota, period = _QUOTA.read_text().split()
    except (OSError, ValueError):
        quota, period = "max", "1"
    return 1 << 16 if quota == "max" else int(quota) // int(period)
