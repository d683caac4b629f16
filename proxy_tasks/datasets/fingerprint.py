"""The fingerprint: what is measured of a data set before anything is decided.

    found = fingerprint(open_dataset("folder", root="mine", strict=False))
    found.thickness[found.classes.index("pole")].lower     # pixels
    Fingerprint.from_dict(json.loads(text))                # text: json.dumps(found.to_dict())

Every image and label map is read once. Threads share the work; what is found does not depend on
their number.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from proxy_tasks import processor
from proxy_tasks.datasets import places, thickness
from proxy_tasks.datasets.base import PARTS, Dataset, Split
from proxy_tasks.datasets.clusters import clusters
from proxy_tasks.datasets.faults import Fault, Faults
from proxy_tasks.datasets.files import FileDataset
from proxy_tasks.datasets.looks import Counts, Floats, Look, bits_used, channel_traits, look
from proxy_tasks.datasets.remarks import remarks, unlabelled
from proxy_tasks.datasets.traits import Fingerprint, PartTraits
from proxy_tasks.datasets.twins import Sketched, twins

__all__ = ["MEASURED", "Fingerprint", "fingerprint"]

Progress = Callable[[int, int], None]
Item = TypeVar("Item")
Found = TypeVar("Found")

MEASURED = 1000
"""Of about how many training images the thickness of structures is measured: of more, every second,
third ... is."""

_THREADS = 4
"""At most. Each holds an image, and Python's lock lets few work at a time."""


def fingerprint(dataset: Dataset, progress: Progress | None = None) -> Fingerprint:
    """Read every image and label map of all parts once, whatever is wrong with the others.

    ``progress`` is called with (images done, images in all).
    """
    read = _read(dataset, progress)
    found = _pooled(dataset, read)
    whole = dataset.whole_faults() if isinstance(dataset, FileDataset) else []
    faults = [*getattr(dataset, "faults", ()), *read.faults, *whole, *unlabelled(found)]
    spare = [f"{path} has no image" for path in getattr(dataset, "spare", ())]
    assumed = dataset.notes() if isinstance(dataset, FileDataset) else ()
    notes = (*assumed, *remarks(found), *spare)
    return replace(found, faults=tuple(faults), notes=notes)


@dataclass(frozen=True)
class _Seen:
    """An image that could be read."""

    part: Split
    name: str
    group: str
    fold: int | None
    look: Look


@dataclass
class _Read:
    """``seen`` in the order of the data set; ``values``: those of the training images together, see
    `Look.values`."""

    values: Counts
    seen: list[_Seen] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def add(self, one: _Seen) -> None:
        if one.look.values is not None:
            self.values += one.look.values
        self.seen.append(replace(one, look=replace(one.look, values=None)))  # they are large


def _read(dataset: Dataset, progress: Progress | None) -> _Read:
    """Images of val that are train's, to be validated on in folds, are left out."""
    parts = [part for part in PARTS if not (part == "val" and dataset.folds)]
    pairs = [(part, index) for part in parts for index in range(dataset.count(part))]
    read = _Read(np.zeros((dataset.channels, 1 << dataset.depth), np.int64))
    for done, found in enumerate(_in_threads(lambda pair: _one(dataset, *pair), pairs), 1):
        if isinstance(found, _Seen):
            read.add(found)
        else:
            read.faults += found
        if progress:
            progress(done, len(pairs))
    return read


def _one(dataset: Dataset, part: Split, index: int) -> _Seen | Sequence[Fault]:
    try:
        image, labels = dataset.load(part, index)
    except Faults as found:
        return found.faults
    except Fault as found:
        return (found,)
    train = part == "train"
    measure = train and index % -(-dataset.count(part) // MEASURED) == 0
    return _Seen(
        part,
        dataset.image_name(part, index),
        dataset.group(part, index),
        dataset.folds[index] if train and dataset.folds else None,
        look(image, labels, len(dataset.classes), train, measure),
    )


def _in_threads(work: Callable[[Item], Found], items: Sequence[Item]) -> Iterator[Found]:
    """In the order of ``items``, a few at a time, so that little waits in memory."""
    workers = min(_THREADS, processor.cores())
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Found]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _pooled(dataset: Dataset, read: _Read) -> Fingerprint:
    """Without faults and notes."""
    classes = len(dataset.classes)
    parts = {part: _part(dataset, part, read.seen) for part in PARTS}
    train = [each for each in read.seen if each.part == "train"]
    together = clusters([each.group for each in train])
    centres = _table([each.look.centres for each in train], (2, classes))
    shares = parts["train"].shares
    thick = [place for place, each in enumerate(train) if each.look.thickness is not None]
    measured = _table([train[place].look.thickness for place in thick], (classes,))
    sides = [min(train[place].look.size) for place in thick]
    sketches = [Sketched(each.part, each.name, each.look.sketch, each.fold) for each in read.seen]
    return Fingerprint(
        name=dataset.name,
        classes=dataset.classes,
        channels=dataset.channels,
        depth=dataset.depth,
        bits=bits_used(read.values) if train else dataset.depth,
        parts=parts,
        brightness=tuple(map(channel_traits, read.values)) if train else (),
        thickness=thickness.pooled(measured),
        growth=thickness.growth(measured, sides, together[thick]),
        vertical=places.pooled(centres[:, 0], shares, together),
        horizontal=places.pooled(centres[:, 1], shares, together),
        twins=twins(sketches),
        folded=bool(dataset.folds),
    )


def _table(rows: Sequence[Floats | None], shape: tuple[int, ...]) -> Floats:
    """(rows, *shape), also of no rows."""
    return np.array(rows, float).reshape(len(rows), *shape)


def _part(dataset: Dataset, part: Split, seen: Sequence[_Seen]) -> PartTraits:
    read_as = "train" if part == "val" and dataset.folds else part
    own = [each for each in seen if each.part == read_as]
    pixels = np.array([each.look.pixels for each in own], np.int64)
    pixels = pixels.reshape(len(own), len(dataset.classes))
    groups = {each.group for each in own} - {""}
    return PartTraits(
        number=dataset.count(part),
        pixels=tuple(pixels.sum(0).tolist()),
        images=tuple((pixels > 0).sum(0).tolist()),
        void=sum(each.look.void for each in own),
        sizes=Counter(each.look.size for each in own),
        unlabelled=tuple(each.name for each in own if not each.look.pixels.any()),
        groups=len(groups),
    )
