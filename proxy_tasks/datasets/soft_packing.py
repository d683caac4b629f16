"""Asks a teacher about every training image once, see proxy_tasks.soft_labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from proxy_tasks.datasets.appearing import array_file, beside, made_once, write, write_meta
from proxy_tasks.datasets.base import Dataset
from proxy_tasks.datasets.packed import (
    SOFT_FORMAT,
    PackedSplit,
    digests,
    open_packed,
)
from proxy_tasks.datasets.packing import Progress
from proxy_tasks.soft_labels import places
from proxy_tasks.teachers import Teacher

VALUES, INDEX = "soft-train.npy", "index-train.npy"


def pack_soft(
    dataset: Dataset,
    data: Path,
    teacher: Teacher,
    identity: str,
    progress: Progress | None = None,
) -> Path:
    """What the teacher says of the training images, each as its file has it; the folder.

    Args:
        data: the pack of the data set that is trained on: its images say how many places each has.
        identity: of the teacher; what was packed of it before is read through and returned, or
            made again where it is damaged.

    Raises:
        UserError: for images that the teacher does not take, and a disk that is full or read-only;
            then nothing stays behind.
    """
    return made_once(
        beside(data, "soft", SOFT_FORMAT, identity),
        lambda making: _fill(making, dataset, data, teacher, identity, progress),
    )


def _fill(
    folder: Path,
    dataset: Dataset,
    data: Path,
    teacher: Teacher,
    identity: str,
    progress: Progress | None,
) -> None:
    packed = open_packed(data)
    index = _index(packed.train, len(packed.classes))
    length = int((index[:, 1] * index[:, 2]).sum()) * len(packed.classes)
    with array_file(folder / VALUES, (length,), np.dtype(np.float16)) as file:
        for number, size in enumerate(index[:, 1:].tolist()):
            image, _ = dataset.load("train", number)
            said_hKw = teacher.log_probabilities(image, tuple(size)).transpose(1, 0, 2)
            write(file, np.ascontiguousarray(said_hKw, np.float16).data.cast("B"))
            if progress:
                progress(number + 1, len(index))
    with array_file(folder / INDEX, index.shape, index.dtype) as file:
        write(file, index.tobytes())
    meta = {
        "format": SOFT_FORMAT,
        "data": data.name,
        "teacher": identity,
        "classes": list(packed.classes),
        "files": {VALUES: 2 * length, INDEX: index.nbytes},
        "digests": digests(folder, (VALUES, INDEX)),
    }
    write_meta(folder, meta)


def _index(train: PackedSplit, classes: int) -> NDArray[np.int64]:
    """See proxy_tasks.soft_labels."""
    sizes = np.array([places((height, width)) for height, width in train.index[:, 1:3].tolist()])
    ends = np.cumsum(classes * sizes[:, 0] * sizes[:, 1])
    return np.column_stack([[0, *ends[:-1]], sizes]).astype(np.int64)
