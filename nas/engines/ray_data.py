"""A packed data set travels once to each node, through Ray's object store, and is mapped there: no
shared disk is needed. The node of the driver uses the pack that it has."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from nas.cluster.local import NODE_CACHE
from nas.engines.ray_start import ray
from proxy_tasks.datasets.appearing import alone, restored
from proxy_tasks.datasets.packed import contents, damaged, is_whole
from proxy_tasks.task import Job, Measurement, ProxyTask
from search_space.errors import UserError


@dataclass(frozen=True)
class TravellingTask:
    """``task`` with the pack at its ``data`` sent after it. ``home`` is the node of the driver;
    ``pieces`` are the pack's files, in pieces."""

    task: Any
    home: str
    pieces: tuple[tuple[str, ray.ObjectRef], ...]

    def score(self, job: Job) -> Iterator[Measurement]:
        """As the task does, with the data where this node has them."""
        yield from replace(self.task, data=self._data()).score(job)

    def _data(self) -> Path:
        """Where they are gone they come again."""
        place: Path = self.task.data
        if ray.get_runtime_context().get_node_id() != self.home:
            place = node_cache() / place.name
            _discard_damaged(place)
        return restored(place, self._received())

    def _received(self) -> Iterator[tuple[str, memoryview]]:
        """One piece in memory at a time."""
        for file, reference in self.pieces:
            yield file, memoryview(ray.get(reference))


@cache
def _discard_damaged(place: Path) -> None:
    """See to it that a pack of an earlier leg that does not hold what was packed is sent again.
    Each process, which lives for a leg, looks once."""
    if is_whole(place) and damaged(place):
        with alone(place):
            if damaged(place):  # nobody was faster
                (place / "meta.json").unlink()


def travelling(task: ProxyTask) -> ProxyTask:
    """The task as it goes to a cluster: one that reads a pack takes it along. Ray is joined."""
    data = getattr(task, "data", None)
    if not is_dataclass(task) or not isinstance(data, Path):
        return task
    if (again := getattr(task, "again", None)) and not is_whole(data):
        again(data)
    pieces = tuple((file, ray.put(piece)) for file, piece in contents(data))
    return TravellingTask(task, ray.get_runtime_context().get_node_id(), pieces)


def node_cache() -> Path:
    """A folder of this machine's own disk that nobody else may write to.

    Raises:
        UserError: when somebody else has it.
    """
    given = os.environ.get(NODE_CACHE)
    folder = Path(given or Path(tempfile.gettempdir()) / f"spinenet-seg-{os.getuid()}")
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_uid != os.getuid():
        raise UserError(f"{folder}: belongs to another user; name another folder in {NODE_CACHE}")
    return folder
