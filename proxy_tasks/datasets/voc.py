"""PASCAL VOC 2012 as published: Everingham et al., "The PASCAL Visual Object Classes Challenge: A
Retrospective", IJCV 2015. The files come from the user; ROOT is VOC2012/, or a folder that holds it
or VOCdevkit/VOC2012/:

ROOT/ImageSets/Segmentation/{train,val}.txt    one name a line
ROOT/JPEGImages/NAME.jpg
ROOT/SegmentationClass/NAME.png                palette images, 255 at the borders of objects

A list whose name has "aug" in it, train_aug say, is one of SBD's (Hariharan et al., "Semantic
contours from inverse detectors", ICCV 2011): label maps come from SegmentationClassAug/ then, and
from SegmentationClass/ where it lacks them.
"""

from __future__ import annotations

import os
from pathlib import Path

from proxy_tasks.datasets.base import SPLITS, Split, distinct_palette
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.files import FileDataset, existing
from proxy_tasks.datasets.labels import LabelCode
from proxy_tasks.datasets.listing import (
    Listing,
    Pair,
    SplitRule,
    image_name,
    read_lines,
    refuse_overlap,
    with_labels,
)
from search_space.errors import UserError

CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair",
    "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa",
    "train", "tvmonitor",
)  # fmt: skip
PALETTE = ((0, 0, 0), *distinct_palette(20))

_LABELS, _LABELS_AUG = "SegmentationClass", "SegmentationClassAug"


class Voc(FileDataset):
    """The 21 classes, the background first. ``split`` names other lists than train and val, as
    ``SplitRule(train="train_aug")``. Raises UserError for a layout that does not hold."""

    def __init__(self, root: Path, split: SplitRule | None = None) -> None:
        root = _find(existing(root, "VOCdevkit/VOC2012/, or is VOC2012/"))
        rule = split or SplitRule()
        if unfit := [way for way in ("share", "folds", "test") if getattr(rule, way) is not None]:
            raise UserError(f"data.split.{unfit[0]}: voc is split by lists; leave it out")
        if not isinstance(rule.train or "", str) or not isinstance(rule.val or "", str):
            raise UserError("data.split: voc takes one list to train and one to validate on")
        sources = [_source(root, str(name)) for name in (rule.train or "train", rule.val or "val")]
        lists = {s: (path, _names(path)) for s, path in zip(SPLITS, sources, strict=True)}
        refuse_overlap(lists)
        found: dict[Split, Listing] = {s: _list(root, *each) for s, each in lists.items()}
        super().__init__("voc", LabelCode(CLASSES), PALETTE, found)


def _find(root: Path) -> Path:
    for folder in (root / "VOCdevkit" / "VOC2012", root / "VOC2012", root):
        if (folder / "JPEGImages").is_dir():
            return folder
    raise UserError(
        f"{root} has no JPEGImages/: give VOC2012/, or the folder that holds VOCdevkit/VOC2012/"
    )


def _source(root: Path, name: str) -> Path:
    return root / "ImageSets" / "Segmentation" / f"{name.removesuffix('.txt')}.txt"


def _names(path: Path) -> tuple[str, ...]:
    """Lists of SBD's may name both files, /JPEGImages/NAME.jpg /SegmentationClassAug/NAME.png."""
    there = ", ".join(sorted(each.stem for each in path.parent.glob("*.txt"))) or "none"
    lines = read_lines(path, f"the lists there are {there}; name one in data.split")
    return tuple(dict.fromkeys(image_name(line.split()[0]) for line in lines))


def _list(root: Path, source: Path, names: tuple[str, ...]) -> Listing:
    if not names:
        return Listing(faults=(Fault(source, "names no images"),))
    pairs = [_pair(root, name, "aug" in source.stem) for name in names]
    there = [pair for pair in pairs if os.path.isfile(pair.image)]
    missing = [pair.image for pair in pairs if not os.path.isfile(pair.image)]
    whole, unlabelled = with_labels(there)
    absent = (Fault(path, f"is missing, but {source.name} names it") for path in missing)
    return Listing(whole, (*absent, *unlabelled))


def _pair(root: Path, name: str, augmented: bool) -> Pair:
    label = root / _LABELS / f"{name}.png"
    if augmented and os.path.isfile(more := root / _LABELS_AUG / f"{name}.png"):
        label = more
    return Pair(root / "JPEGImages" / f"{name}.jpg", label)
