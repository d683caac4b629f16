"""A packed data set travels once to each node, through Ray's object store, and is mapped there: no
shared disk is needed. So does what a teacher says of its images. The node of the driver uses what
it has."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
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

Pieces = tuple[tuple[str, ray.ObjectRef], ...]
"""The files of a pack, in pieces."""


@dataclass(frozen=True)
class TravellingTask:
    """``task`` with the pack at its ``data`` sent after it, and of its ``lessons``, where it has
    any, the ``soft`` labels and the ``maps``. ``home`` is the node of the driver."""

    task: Any
    home: str
    pieces: Pieces
    soft: Pieces = ()
    maps: Pieces = ()

    def score(self, job: Job) -> Iterator[Measurement]:
        """As the task does, with the data where this node has them."""
        here: dict[str, Any] = {"data": self._data()}
        if lessons := getattr(self.task, "lessons", None):
            labels = lessons.labels and self._here(lessons.labels, self.soft)
            maps = lessons.maps and self._here(lessons.maps, self.maps)
            here["lessons"] = replace(lessons, labels=labels, maps=maps)
        yield from replace(self.task, **here).score(job)

    def _data(self) -> Path:
        return self._here(self.task.data, self.pieces)

    def _here(self, place: Path, pieces: Pieces) -> Path:
        """A pack on this node. Where it is gone it comes again."""
        if ray.get_runtime_context().get_node_id() != self.home:
            place = node_cache() / place.name
            _discard_damaged(place)
        return restored(place, _received(pieces))


def _received(pieces: Pieces) -> Iterator[tuple[str, memoryview]]:
    """One piece in memory at a time."""
    for file, reference in pieces:
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
    pieces = _sent(data, getattr(task, "again", None))
    lessons = getattr(task, "lessons", None)
    taught = (lessons.labels, lessons.maps) if lessons else ()
    soft = (_sent(folder, lessons.again) if folder else () for folder in taught)
    return TravellingTask(task, ray.get_runtime_context().get_node_id(), pieces, *soft)


def _sent(pack: Path, again: Callable[[Path], None] | None) -> Pieces:
    """Made again first where it is gone."""
    if again and not is_whole(pack):
        again(pack)
    return tuple((file, ray.put(piece)) for file, piece in contents(pack))


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
