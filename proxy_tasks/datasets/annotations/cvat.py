"""CVAT's own format, "CVAT for images 1.1": one XML file with outlines, boxes and masks.

ROOT/annotations.xml    images in images/, images/PART/ or beside
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from proxy_tasks.datasets.annotations import cvat_masks
from proxy_tasks.datasets.annotations.names import cvat_xml_files, part_called, part_in
from proxy_tasks.datasets.annotations.opening import open_annotated
from proxy_tasks.datasets.annotations.reading import (
    Area,
    LeftOut,
    Picture,
    Reading,
    first_file,
    missing,
)
from proxy_tasks.datasets.annotations.shapes import Runs, Shape, box, ellipse, packed, polygons
from proxy_tasks.datasets.base import Colour
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.files import FileDataset
from proxy_tasks.datasets.listing import SplitRule
from search_space.errors import UserError

_AREAS = ("polygon", "box", "mask", "ellipse")
_OTHERS = ("polyline", "points", "cuboid", "skeleton")


def open_cvat(
    root: Path,
    classes: Sequence[str] | None = None,
    values: Mapping[str, str] | None = None,
    split: SplitRule | None = None,
    overlap: str | None = None,
    uncovered: str | None = None,
) -> FileDataset:
    """The data set that lies in a folder, of shapes or of masks; see `opening.open_annotated`."""
    if not cvat_masks.found(root):
        return open_annotated("cvat", read, root, classes, values, split, overlap, uncovered)
    if overlap is not None:
        raise UserError("data.overlap: CVAT's masks no longer have shapes: leave it out")
    return cvat_masks.CvatMasks(root, classes, values, split, uncovered)


def read(root: Path) -> Reading:
    """Raises UserError where there is no such file, or where it is of videos."""
    files = cvat_xml_files(root)
    if not files:
        raise UserError(
            f"{root} has neither annotations.xml nor labelmap.txt: export from CVAT as"
            " 'CVAT for images 1.1' or 'Segmentation mask 1.1'"
        )
    pictures: list[Picture] = []
    faults: list[Fault] = []
    colours: dict[str, Colour | None] = {}
    left_out = LeftOut()
    for path in files:
        tree = _tree(path)
        colours |= _labels(tree)
        try:
            lost = _read_images(tree, path, root, pictures, left_out)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{path} is not an export of CVAT's ({type(error).__name__}: {error}); export again"
            ) from error
        faults += missing(path, lost, "in images/ or beside it")
    used = sorted({area.label for picture in pictures for area in picture.areas})
    return Reading(
        pictures=tuple(pictures),
        labels=tuple(dict.fromkeys([*colours, *used])),
        source=files[0],
        colours={name: colour for name, colour in colours.items() if colour},
        faults=tuple(faults),
        notes=tuple(left_out.note()),
    )


def _tree(path: Path) -> Element:
    try:
        tree = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise UserError(f"{path} cannot be read: {error}; export it again") from error
    if tree.find("track") is not None:
        raise UserError(f"{path} is of a video: export it from CVAT as 'CVAT for images 1.1'")
    return tree


def _labels(tree: Element) -> dict[str, Colour | None]:
    """In the order of the project, with their colours, as ``#c06060``."""
    found: dict[str, Colour | None] = {}
    for label in tree.iterfind("meta//labels/label"):
        text = (label.findtext("color") or "").removeprefix("#")
        whole = len(text) == 6
        found[label.findtext("name") or ""] = (
            (int(text[:2], 16), int(text[2:4], 16), int(text[4:], 16)) if whole else None
        )
    return found


def _read_images(
    tree: Element, path: Path, root: Path, pictures: list[Picture], left_out: LeftOut
) -> list[str]:
    """Adds to ``pictures`` and ``left_out``. Returns the names of images that are not there."""
    lost = []
    for each in tree.iterfind("image"):
        name, subset = each.attrib["name"], each.get("subset", "")
        images = root / "images"
        image = first_file([images / subset, images, root / subset, root], name)
        if image is None:
            lost.append(name)
            continue
        size = int(each.attrib["height"]), int(each.attrib["width"])
        part = part_called(subset) or part_in(path.stem)
        pictures.append(Picture(image, path, tuple(_areas(each, left_out)), size, part))
    return lost


def _areas(image: Element, left_out: LeftOut) -> Iterable[Area]:
    """By z_order, and in the file's order where that is the same."""
    for element in image:
        if element.tag in _OTHERS:
            left_out[element.tag] += 1
    areas = [element for element in image if element.tag in _AREAS]
    for element in sorted(areas, key=lambda each: int(each.get("z_order", 0))):
        if shape := _shape(element.tag, element.attrib):
            yield Area(element.attrib["label"], shape)
        else:
            left_out["of less than three points"] += 1


def _shape(kind: str, given: Mapping[str, str]) -> Shape | None:
    turned = float(given.get("rotation", 0))
    if kind == "box":
        left, top, right, bottom = (float(given[key]) for key in ("xtl", "ytl", "xbr", "ybr"))
        return box(left, top, right, bottom, turned)
    if kind == "ellipse":
        x, y, rx, ry = (float(given[key]) for key in ("cx", "cy", "rx", "ry"))
        return ellipse(x, y, rx, ry, turned)
    if kind == "mask":
        return _mask(given)
    points = [point.split(",") for point in given["points"].split(";")]
    return polygons([[float(value) for point in points for value in point]])


def _mask(given: Mapping[str, str]) -> Runs:
    """``rle`` counts pixels row by row, outside and inside by turns, outside first."""
    top, left, height, width = (int(float(given[k])) for k in ("top", "left", "height", "width"))
    counts = [int(count) for count in given["rle"].split(",")]
    inside = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return packed(inside.reshape(height, width), top, left)
