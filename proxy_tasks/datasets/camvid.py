"""CamVid in its usual 11-class split: Brostow, Fauqueur and Cipolla, "Semantic object classes in
video", Pattern Recognition Letters 2009. The files come from the user, in one of two layouts:

ROOT/{train,val}/images/NAME.png    ROOT/{train,val}/labels/NAME.png
ROOT/{train,val}/NAME.png           ROOT/{trainannot,valannot}/NAME.png    (SegNet's)

and test/ alike, where it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from proxy_tasks.datasets.base import SPLITS, Colour
from proxy_tasks.datasets.files import FileDataset, existing
from proxy_tasks.datasets.folder import listed
from proxy_tasks.datasets.labels import LabelCode
from proxy_tasks.datasets.listing import Listings
from proxy_tasks.datasets.matching import match

CLASSES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign_symbol", "fence", "car",
    "pedestrian", "bicyclist",
)  # fmt: skip
PALETTE: tuple[Colour, ...] = (
    (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0),
    (192, 128, 128), (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192),
)  # fmt: skip
VOID = 11


class CamVid(FileDataset):
    """CamVid's classes by their index; 11 is void. Raises UserError where ``root`` is no folder."""

    def __init__(self, root: Path, ignore: Sequence[int] | None = None) -> None:
        root = existing(root, "train/ and val/")
        void = (VOID,) if ignore is None else tuple(ignore)
        code = LabelCode(CLASSES, void, advice="correct the file or data.ignore")
        super().__init__("camvid", code, PALETTE, _layout(root))


def _layout(root: Path) -> Listings:
    if (root / "trainannot").is_dir():
        found = {part: match(root / part, root / f"{part}annot") for part in SPLITS}
        return {**found, **_test(root)}
    return listed(root)


def _test(root: Path) -> Listings:
    """Its test part, where it is there."""
    images, labels = root / "test", root / "testannot"
    return {"test": match(images, labels)} if images.is_dir() and labels.is_dir() else {}
