"""Data sets as labelling tools write them. Loads nothing heavy."""

from __future__ import annotations

from pathlib import Path

from proxy_tasks.datasets.annotations import names

FORMATS = {
    "coco": names.is_coco,
    "cvat": names.is_cvat,
    "yolo": names.is_yolo,
    "labelme": names.is_labelme,
}
"""Each data set of this package, and what tells that a folder is one: a few files are opened."""


def detect(root: Path) -> str | None:
    """The name of the data set that lies in a folder, None where it is none of these."""
    return next((name for name, found in FORMATS.items() if found(root)), None)
