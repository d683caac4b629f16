"""Data sets, by name. Loads nothing but the one that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proxy_tasks.datasets.base import IGNORE, PARTS, SPLITS, Dataset
from proxy_tasks.datasets.catalogue import CATALOGUE, Entry
from proxy_tasks.datasets.listing import SplitRule
from search_space.errors import UserError

if TYPE_CHECKING:  # Pillow takes a while
    from proxy_tasks.datasets.files import FileDataset

DATASETS = tuple(CATALOGUE)
"""The names that `open_dataset` knows."""

__all__ = ["DATASETS", "IGNORE", "PARTS", "SPLITS", "Dataset", "SplitRule", "open_dataset"]


def open_dataset(
    name: str,
    *,
    root: Path | str | None = None,
    classes: Sequence[str] | None = None,
    ignore: Sequence[int] | None = None,
    values: Mapping[str, str] | None = None,
    split: SplitRule | None = None,
    overlap: str | None = None,
    uncovered: str | None = None,
    images: str | None = None,
    labels: str | None = None,
    exif: str | None = None,
    cache: Path | str | None = None,
    train: int = 512,
    val: int = 128,
    size: tuple[int, int] = (96, 128),
    seed: int = 0,
    strict: bool = True,
) -> Dataset:
    """The data set of that name.

    ``root`` is where the files lie; ``classes`` replaces classes.txt; ``ignore`` lists label values
    that mean void; ``values`` maps label values or colours to names of classes, see
    `labels.label_code`; ``split`` says what to train and to validate on; ``overlap`` and
    ``uncovered``, what pixels are that lie in several shapes or in none, see `annotations.opening`;
    ``images`` and ``labels`` are patterns of where they lie, see `patterns`; ``exif``, whether
    label maps of photographs that EXIF turns are to be turned too, see `upright.Exif`. Which of
    them a data set takes stands in `catalogue.CATALOGUE`. ``train``, ``val``, ``size`` (height,
    width) and ``seed`` say how many procedural scenes, how large, and which; the others do not look
    at them. ``cache`` is a folder to remember in what files hold.

    Raises UserError for an unknown name, a missing root, an option that the data set has no use
    for, and whatever the files have wrong; without ``strict``, a data set with missing files is
    returned with its ``faults``.
    """
    if name not in CATALOGUE:
        raise UserError(f"no data set {name!r}: write one of {', '.join(DATASETS)}")
    entry = CATALOGUE[name]
    own: dict[str, Any] = {"classes": classes, "ignore": ignore, "values": values, "split": split}
    own |= {"overlap": overlap, "uncovered": uncovered, "images": images, "labels": labels}
    _refuse(name, entry, root=root, **own, exif=exif)
    if "root" not in entry.takes:
        drawn: Dataset = entry.make(train, val, size, seed)
        return drawn
    if root is None:
        needed = ", ".join(entry.layout[:2])
        raise UserError(
            f"the data set {name!r} needs root: the folder that holds {needed};"
            " write --set data.root=DIR"
        )
    taken = {key: value for key, value in own.items() if key in entry.takes}
    found: FileDataset = entry.make(Path(root), **taken)
    found.configure(root, exif, split.folds if split else None, cache)
    if strict:
        found.refuse_faults()
    return found


def _refuse(name: str, entry: Entry, **given: object) -> None:
    for key, value in given.items():
        if value is not None and key not in entry.takes:
            raise UserError(f"the data set {name!r} takes no {key}: leave it out")
