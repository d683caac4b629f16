"""Processes that train together: threads where a test looks at one layer, else real ones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, multiprocessing

from proxy_tasks.processes import Group


class Table:
    """Where threads lay down what they have, and pick up what all have."""

    def __init__(self, size: int) -> None:
        self._barrier = threading.Barrier(size, timeout=60)
        self._laid: list[Any] = [None] * size

    def exchange(self, rank: int, value: Any) -> list[Any]:
        self._laid[rank] = value
        self._barrier.wait()
        found = list(self._laid)
        self._barrier.wait()
        return found


@dataclass(frozen=True)
class ThreadGroup(Group):
    """A group whose processes are threads of this one."""

    table: Table = field(default_factory=lambda: Table(1))

    def total(self, values: Tensor) -> Tensor:
        return values.copy_(sum(self.table.exchange(self.rank, values.clone())))

    def gathered(self, values: Tensor) -> Tensor:
        return torch.cat(self.table.exchange(self.rank, values))


def in_threads(work: Callable[[Group], Any], size: int = 2) -> list[Any]:
    """What each thread's work gives, by rank."""
    table = Table(size)
    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(work, [ThreadGroup(rank, size, table) for rank in range(size)]))


def in_processes(work: Callable[[Path], Any], folder: Path, size: int = 2) -> list[Any]:
    """As in_threads, of real processes over gloo; ``work`` is a module's function."""
    spawned = multiprocessing.spawn(_join, (work, folder, size), nprocs=size, join=False)
    assert spawned is not None
    while not spawned.join():
        pass
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(size)]


def _join(rank: int, work: Callable[[Path], Any], folder: Path, size: int) -> None:
    torch.set_num_threads(1)
    meet = f"file://{folder / 'meet'}"
    distributed.init_process_group("gloo", init_method=meet, rank=rank, world_size=size)
    torch.save(work(folder), folder / f"{rank}.pt")
    distributed.destroy_process_group()
