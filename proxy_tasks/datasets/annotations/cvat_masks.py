"""CVAT's "Segmentation mask 1.1": label maps in colours, in PASCAL VOC's folders.

ROOT/labelmap.txt                         name:red,green,blue:: a line
ROOT/JPEGImages/NAME.jpg                  or in images/, or beside
ROOT/SegmentationClass/NAME.png
ROOT/ImageSets/Segmentation/PART.txt      default.txt where the task has no parts
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from proxy_tasks.datasets.annotations import parting, said
from proxy_tasks.datasets.annotations.annotated import FEW
from proxy_tasks.datasets.annotations.names import part_in
from proxy_tasks.datasets.annotations.naming import BACKGROUND, Naming, name_classes, palette
from proxy_tasks.datasets.annotations.painting import Tally
from proxy_tasks.datasets.annotations.reading import Picture, first_file, missing, plain_path
from proxy_tasks.datasets.base import IGNORE, Colour
from proxy_tasks.datasets.binary import some
from proxy_tasks.datasets.classes import read_classes
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.files import FileDataset
from proxy_tasks.datasets.images import read_colours
from proxy_tasks.datasets.labels import LabelCode
from proxy_tasks.datasets.listing import IMAGE_SUFFIXES, SplitRule, read_lines
from search_space.errors import UserError

BLACK = (0, 0, 0)
"""What CVAT writes where no shape is, and calls `background`."""

_ADVICE = "correct labelmap.txt or the file"


def found(root: Path) -> bool:
    """Whether a folder holds such an export."""
    return (root / "labelmap.txt").is_file() and (root / "SegmentationClass").is_dir()


class CvatMasks(FileDataset):
    """Classes by the colours of labelmap.txt. Options are as in `opening.open_annotated`."""

    def __init__(
        self,
        root: Path,
        classes: Sequence[str] | None = None,
        values: Mapping[str, str] | None = None,
        split: SplitRule | None = None,
        uncovered: str | None = None,
    ) -> None:
        source = root / "labelmap.txt"
        colours = _colours(source)
        naming = name_classes([*colours], source, classes, values, uncovered)
        pictures, faults = _pictures(root)
        code = _code(colours, naming)
        listings = parting.split(pictures, split, root)
        super().__init__("cvat", code, palette(naming.classes, colours), listings)
        self.faults = (*self.faults, *faults)
        if naming.uncovered is None:
            seen = [_tally(pair.label) for pair in some(self._pairs(), FEW)]
            self.faults += said.uncovered(seen, source, naming.classes)


def _colours(path: Path) -> dict[str, Colour]:
    """By label, without the one for what is uncovered."""
    listed = read_classes(path)
    if listed.colours is None or len(listed.colours) != len(listed.names):
        raise UserError(
            f"{path}: every class needs a colour; write a line like car:255,0,0:: for each"
        )
    colours: dict[str, Colour] = {}
    for text, name in listed.colours.items():
        red, green, blue = map(int, text.split())
        colours[name] = red, green, blue
    return {name: c for name, c in colours.items() if (name, c) != (BACKGROUND, BLACK)}


def _code(colours: Mapping[str, Colour], naming: Naming) -> LabelCode:
    values = {_number(colours[label]): index for label, index in naming.meaning.items()}
    rest = IGNORE if naming.uncovered is None else naming.uncovered
    values.setdefault(_number(BLACK), rest)
    return LabelCode(naming.classes, (), values, colours=True, advice=_ADVICE)


def _number(colour: Colour) -> int:
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def _tally(label: Path) -> Tally:
    try:
        colours = read_colours(label)
    except Fault:
        return Tally(0, 0, 0)
    return Tally(colours.size, 0, int((colours == _number(BLACK)).sum()))


def _pictures(root: Path) -> tuple[list[Picture], list[Fault]]:
    lists = sorted((root / "ImageSets" / "Segmentation").glob("*.txt"))
    places = [root / "JPEGImages", root / "images", root]
    pictures, faults = [], []
    for source in lists:
        names = [plain_path(line) for line in read_lines(source, "")]
        images = {name: _image(places, name) for name in names}
        lost = [name for name, image in images.items() if image is None]
        faults += missing(source, lost, "in JPEGImages/ (CVAT: 'save images')")
        for name, image in images.items():
            label = root / "SegmentationClass" / f"{name}.png"
            if image and os.path.isfile(label):
                pictures.append(Picture(image, label, part=part_in(source.stem)))
            elif image:
                faults.append(Fault(image, f"has no labels: export {label} again"))
    if not lists:
        raise UserError(f"{root} has no ImageSets/Segmentation/*.txt: export again from CVAT")
    return pictures, faults


def _image(places: Sequence[Path], name: str) -> Path | None:
    names = (f"{name}{suffix}" for suffix in sorted(IMAGE_SUFFIXES))
    return next((path for each in names if (path := first_file(places, each))), None)
