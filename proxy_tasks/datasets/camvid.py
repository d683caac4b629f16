"""CamVid in its usual 11-class split: Brostow, Fauqueur and Cipolla, "Semantic object classes in
video", Pattern Recognition Letters 2009. The files come from the user, in the folder layout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from proxy_tasks.datasets.base import Colour
from proxy_tasks.datasets.folder import Folder

CLASSES = (
    "sky", "building", "pole", "road", "pavement", "tree", "sign_symbol", "fence", "car",
    "pedestrian", "bicyclist",
)  # fmt: skip
PALETTE: tuple[Colour, ...] = (
    (128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (60, 40, 222), (128, 128, 0),
    (192, 128, 128), (64, 64, 128), (64, 0, 128), (64, 64, 0), (0, 128, 192),
)  # fmt: skip
VOID = 11


class CamVid(Folder):
    """`Folder` with CamVid's classes; 11 is void."""

    def __init__(self, root: Path, ignore: Sequence[int] = (VOID,)) -> None:
        super().__init__(root, CLASSES, ignore, PALETTE, "camvid")
