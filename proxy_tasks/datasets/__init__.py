"""Data sets, by name. Loads nothing but the one that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from proxy_tasks.datasets.annotations import FORMATS
from proxy_tasks.datasets.base import IGNORE, PARTS, SPLITS, Dataset
from proxy_tasks.datasets.catalogue import CATALOGUE
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
    _refuse(name, root=root, classes=classes, ignore=ignore, values=values, split=split)
    _refuse(name, overlap=overlap, uncovered=uncovered, images=images, labels=labels, exif=exif)
    if name == "scenes":
        from proxy_tasks.datasets.scenes import Scenes

        return Scenes(train, val, size, seed)
    if root is None:
        needed = ", ".join(CATALOGUE[name].layout[:2])
        raise UserError(f"the data set {name!r} needs root: the folder that holds {needed}")
    found: FileDataset
    if name in FORMATS:
        from proxy_tasks.datasets.annotations.opening import open_annotated

        found = open_annotated(name, Path(root), classes, values, split, overlap, uncovered)
    else:
        found = _in_files(name, Path(root), classes, ignore, values, split, images, labels)
    found.configure(root, exif, split.folds if split else None, cache)
    if strict:
        found.refuse_faults()
    return found


def _in_files(
    name: str,
    root: Path,
    classes: Sequence[str] | None,
    ignore: Sequence[int] | None,
    values: Mapping[str, str] | None,
    split: SplitRule | None,
    images: str | None,
    labels: str | None,
) -> FileDataset:
    if name == "camvid":
        from proxy_tasks.datasets.camvid import CamVid

        return CamVid(root, ignore)
    if name == "cityscapes":
        from proxy_tasks.datasets.cityscapes import Cityscapes

        return Cityscapes(root)
    if name == "voc":
        from proxy_tasks.datasets.voc import Voc

        return Voc(root, split)
    from proxy_tasks.datasets.folder import Folder

    return Folder(root, classes, ignore, values, split, images, labels)


def _refuse(name: str, **given: object) -> None:
    takes = CATALOGUE[name].takes
    if unwanted := [key for key, value in given.items() if value is not None and key not in takes]:
        raise UserError(f"the data set {name!r} takes no {unwanted[0]}: leave it out")
