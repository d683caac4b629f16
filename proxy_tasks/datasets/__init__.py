"""Data sets, by name. Loads nothing but the one that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from proxy_tasks.datasets.base import IGNORE, SPLITS, Dataset
from search_space.errors import UserError

DATASETS = ("scenes", "folder", "camvid")
"""The names that `open_dataset` knows."""

__all__ = ["DATASETS", "IGNORE", "SPLITS", "Dataset", "open_dataset"]


def open_dataset(
    name: str,
    *,
    root: Path | str | None = None,
    classes: Sequence[str] | None = None,
    ignore: Sequence[int] | None = None,
    train: int = 512,
    val: int = 128,
    size: tuple[int, int] = (96, 128),
    seed: int = 0,
) -> Dataset:
    """The data set of that name.

    ``root`` (folder, camvid): where the files lie. ``classes`` (folder): names instead of
    classes.txt. ``ignore`` (folder, camvid): label values that mean void. ``train``, ``val``,
    ``size`` (height, width) and ``seed`` (scenes): how many scenes, how large, and which; the
    others do not look at them.

    Raises UserError for an unknown name, a missing root, one of the first three that the data set
    has no use for, and whatever the files have wrong.
    """
    if name == "scenes":
        from proxy_tasks.datasets.scenes import Scenes

        _refuse(name, root=root, classes=classes, ignore=ignore)
        return Scenes(train, val, size, seed)
    if name not in DATASETS:
        raise UserError(f"no data set {name!r}: write one of {', '.join(DATASETS)}")
    if root is None:
        raise UserError(f"the data set {name!r} needs root: the folder that holds train/ and val/")
    if name == "camvid":
        from proxy_tasks.datasets.camvid import VOID, CamVid

        _refuse(name, classes=classes)
        return CamVid(Path(root), (VOID,) if ignore is None else ignore)
    from proxy_tasks.datasets.folder import Folder

    return Folder(Path(root), classes, (IGNORE,) if ignore is None else ignore)


def _refuse(name: str, **given: object) -> None:
    if unwanted := [key for key, value in given.items() if value is not None]:
        raise UserError(f"the data set {name!r} takes no {unwanted[0]}: leave it out")
