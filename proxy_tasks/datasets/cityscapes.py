"""Cityscapes as published: Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene
Understanding", CVPR 2016. The files come from the user (leftImg8bit_trainvaltest.zip and
gtFine_trainvaltest.zip, unpacked into one folder):

ROOT/leftImg8bit/{train,val}/CITY/NAME_leftImg8bit.png
ROOT/gtFine/{train,val}/CITY/NAME_gtFine_labelIds.png    or NAME_gtFine_labelTrainIds.png
"""

from __future__ import annotations

from pathlib import Path

from proxy_tasks.datasets.base import IGNORE, SPLITS, Split
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.files import FileDataset, existing
from proxy_tasks.datasets.labels import LabelCode
from proxy_tasks.datasets.listing import Listing, Pair, files, with_labels

# The label id, name and colour of the 19 classes that are scored, in the order of their train ids:
# cityscapesscripts/helpers/labels.py.
_SCORED = (
    (7, "road", (128, 64, 128)), (8, "sidewalk", (244, 35, 232)), (11, "building", (70, 70, 70)),
    (12, "wall", (102, 102, 156)), (13, "fence", (190, 153, 153)), (17, "pole", (153, 153, 153)),
    (19, "traffic light", (250, 170, 30)), (20, "traffic sign", (220, 220, 0)),
    (21, "vegetation", (107, 142, 35)), (22, "terrain", (152, 251, 152)),
    (23, "sky", (70, 130, 180)), (24, "person", (220, 20, 60)), (25, "rider", (255, 0, 0)),
    (26, "car", (0, 0, 142)), (27, "truck", (0, 0, 70)), (28, "bus", (0, 60, 100)),
    (31, "train", (0, 80, 100)), (32, "motorcycle", (0, 0, 230)), (33, "bicycle", (119, 11, 32)),
)  # fmt: skip

LABEL_IDS = tuple(label_id for label_id, _, _ in _SCORED)
"""The label id of each class: what the evaluation server reads."""
CLASSES = tuple(name for _, name, _ in _SCORED)
PALETTE = tuple(colour for _, _, colour in _SCORED)

_VOID = (-1, IGNORE)  # -1 is the licence plate; in 8 bits it is 255
_OF_IDS = LabelCode(
    CLASSES,
    _VOID,
    dict.fromkeys(range(34), IGNORE)
    | {label_id: index for index, label_id in enumerate(LABEL_IDS)},
)
_OF_TRAIN_IDS = LabelCode(CLASSES, _VOID)

_IMAGE, _IDS, _TRAIN_IDS = "_leftImg8bit.png", "_gtFine_labelIds.png", "_gtFine_labelTrainIds.png"


class Cityscapes(FileDataset):
    """The 19 classes that the benchmark scores; all other labels are void.

    ``labelIds`` are read where they are, else ``labelTrainIds``. Raises UserError where ``root`` is
    no folder.
    """

    def __init__(self, root: Path) -> None:
        root = existing(root, "leftImg8bit/ and gtFine/")
        super().__init__("cityscapes", _OF_IDS, PALETTE, {s: _list(root, s) for s in SPLITS})

    def code_of(self, label: Path) -> LabelCode:
        return _OF_TRAIN_IDS if label.name.endswith(_TRAIN_IDS) else _OF_IDS


def _list(root: Path, split: Split) -> Listing:
    images, labels = root / "leftImg8bit" / split, root / "gtFine" / split
    if missing := [folder for folder in (images, labels) if not folder.is_dir()]:
        what = "is missing: expected leftImg8bit/ and gtFine/, each with train/CITY and val/CITY"
        return Listing(faults=tuple(Fault(folder, what) for folder in missing))
    found = _in_cities(images, _IMAGE)
    pairs = [Pair(path, _label(path, labels), path.parent.name) for path in found]
    if not pairs:
        return Listing(faults=(Fault(images, f"has no CITY/*{_IMAGE}: unpack the images there"),))
    used = {_frame(pair.label) for pair in pairs}
    maps = (path for suffix in (_IDS, _TRAIN_IDS) for path in _in_cities(labels, suffix))
    return Listing(*with_labels(pairs), tuple(path for path in maps if _frame(path) not in used))


def _in_cities(folder: Path, suffix: str) -> list[Path]:
    cities = sorted(path for path in folder.iterdir() if path.is_dir())
    found = (path for city in cities for path in files(city, (".png",)))
    return [path for path in found if path.name.endswith(suffix)]


def _label(image: Path, labels: Path) -> Path:
    beside = labels / image.parent.name / image.name.removesuffix(_IMAGE)
    ids, train_ids = (beside.with_name(beside.name + suffix) for suffix in (_IDS, _TRAIN_IDS))
    return train_ids if train_ids.is_file() and not ids.is_file() else ids


def _frame(label: Path) -> tuple[str, str]:
    return label.parent.name, label.name.removesuffix(_IDS).removesuffix(_TRAIN_IDS)
