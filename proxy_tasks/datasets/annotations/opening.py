"""A labelling tool's files as a data set, with what the user says about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from proxy_tasks.datasets.annotations import parting
from proxy_tasks.datasets.annotations.annotated import Annotated
from proxy_tasks.datasets.annotations.naming import name_classes
from proxy_tasks.datasets.annotations.painting import OVERLAPS, Overlap
from proxy_tasks.datasets.annotations.reading import Reading
from proxy_tasks.datasets.faults import Faults
from proxy_tasks.datasets.files import FileDataset, existing
from proxy_tasks.datasets.listing import SplitRule
from search_space.errors import UserError


def open_annotated(
    name: str,
    read: Callable[[Path], Reading],
    root: Path,
    classes: Sequence[str] | None = None,
    values: Mapping[str, str] | None = None,
    split: SplitRule | None = None,
    overlap: str | None = None,
    uncovered: str | None = None,
) -> FileDataset:
    """The data set ``name``, as a tool's files are ``read``.

    ``classes`` are the classes in their order, by default all labels in the tool's; ``values``
    gives labels another class or ``void``; ``overlap`` is one of `painting.OVERLAPS`; what no shape
    covers is ``uncovered``: ``background``, ``void`` or a class. ``split`` is for what the tool has
    not split. Raises UserError for files that are not the tool's, or options that do not fit.
    """
    root = existing(root, "what the labelling tool wrote")
    reading = read(root)
    try:
        naming = name_classes(reading.labels, reading.source, classes, values, uncovered)
        listings = parting.split(reading.pictures, split, root)
    except UserError as error:
        # What is missing from the files is why their classes or parts do not do.
        raise Faults(reading.faults) if reading.faults else error from None
    return Annotated(name, reading, naming, _overlap(overlap), listings)


def _overlap(given: str | None) -> Overlap:
    for known in OVERLAPS:
        if given == known:
            return known
    if given is not None:
        raise UserError(f"data.overlap: write file or small, not {given!r}")
    return "file"
