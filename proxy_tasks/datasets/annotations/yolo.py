"""Polygons as Ultralytics YOLO reads them, and as Roboflow, CVAT and others write them.

ROOT/data.yaml                    names, and where train, val and test lie
ROOT/images/train/NAME.jpg        or ROOT/train/images/NAME.jpg
ROOT/labels/train/NAME.txt        or ROOT/train/labels/NAME.txt: a line for each polygon, the class
                                  and x y x y ... as shares of width and height
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from proxy_tasks.datasets.annotations.names import yolo_files
from proxy_tasks.datasets.annotations.opening import open_annotated
from proxy_tasks.datasets.annotations.reading import Area, Picture, Reading, missing, plain_path
from proxy_tasks.datasets.annotations.shapes import polygons
from proxy_tasks.datasets.base import Split
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.listing import IMAGE_SUFFIXES, files, read_lines
from search_space import strict_yaml
from search_space.errors import UserError

_KEYS: Mapping[str, Split] = {"train": "train", "val": "val", "valid": "val", "test": "test"}


def read(root: Path) -> Reading:
    """Raises UserError where there is no data.yaml, or where label files hold boxes."""
    found = yolo_files(root)
    if not found:
        raise UserError(f"{root} has no data.yaml, which names the classes of YOLO's labels")
    source = found[0]
    content = _yaml(source)
    names, base = _names(content, source), _base(content, root)
    boxes: Counter[Path] = Counter()
    pictures: list[Picture] = []
    faults: list[Fault] = []
    for part, images in _parts(content, base, root, source, faults).items():
        for image in images:
            label = _label_file(image)
            try:
                areas = _areas(label, names, boxes)
            except Fault as fault:
                faults.append(fault)
                continue
            pictures.append(Picture(image, label if label.is_file() else source, areas, None, part))
    _refuse_boxes(boxes)
    if not pictures and not faults:
        raise UserError(f"{source} names no images: it needs train and val, folders of images")
    return Reading(
        tuple(pictures), tuple(names.values()), source, {}, tuple(faults), _notes(pictures, source)
    )


def _yaml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as YAML: {error}") from error
    content = strict_yaml.parse(text, str(path))
    if not isinstance(content, dict) or "names" not in content:
        raise UserError(f"{path} has no names: list the classes there, as in names: [road, car]")
    return content


def _names(content: Mapping[str, Any], source: Path) -> dict[int, str]:
    names = content["names"]
    try:
        pairs = names.items() if isinstance(names, dict) else enumerate(names)
        return {int(number): str(name) for number, name in sorted(pairs)}
    except (TypeError, ValueError) as error:
        raise UserError(f"{source}: names must be a list, or a map from number to name") from error


def _base(content: Mapping[str, Any], root: Path) -> Path:
    """``path`` if it is there: data sets are moved, and it is often that of another machine."""
    given = Path(plain_path(str(content.get("path") or ".")))
    return root / given if os.path.isdir(root / given) else root


def _parts(
    content: Mapping[str, Any], base: Path, root: Path, source: Path, faults: list[Fault]
) -> dict[Split, list[Path]]:
    parts: dict[Split, list[Path]] = {}
    usual = _usual(base) if not {"train", "val"} & content.keys() else {}
    for key, part in _KEYS.items():
        given = content.get(key) or usual.get(key)
        for each in [given] if isinstance(given, str) else given or []:
            place = _place(plain_path(str(each)), base, root)
            if place is not None:
                parts.setdefault(part, []).extend(_images(place, root, faults))
            elif part != "test":
                faults.append(Fault(source, f"says {key}: {each}, which does not exist"))
    return parts


def _usual(base: Path) -> dict[str, str]:
    """Where the parts lie when the file does not say."""
    places = {key: (f"images/{key}", f"{key}/images") for key in _KEYS}
    return {key: place for key, both in places.items() for place in both if (base / place).is_dir()}


def _place(name: str, base: Path, root: Path) -> Path | None:
    """Roboflow writes ../train/images for what lies in train/images, as YOLO itself knows."""
    names = dict.fromkeys((name, name.removeprefix("../")))
    places = (folder / each for each in names for folder in (base, root))
    return next((place for place in places if os.path.exists(place)), None)


def _images(place: Path, root: Path, faults: list[Fault]) -> list[Path]:
    """Of a folder, or of a list of paths, which may begin with CVAT's data/."""
    if place.is_dir():
        return files(place, IMAGE_SUFFIXES)
    lines = [plain_path(line) for line in read_lines(place, "a list of images is missing")]
    found = [_listed(line, (place.parent, root)) for line in lines]
    lost = [line for line, image in zip(lines, found, strict=True) if image is None]
    faults += missing(place, lost, "where it says")
    return [image for image in found if image is not None]


def _listed(line: str, folders: Sequence[Path]) -> Path | None:
    names = (line, line.removeprefix("./").partition("/")[2] or line)
    places = (folder / name for name in names for folder in folders)
    return next((place for place in places if os.path.isfile(place)), None)


def _label_file(image: Path) -> Path:
    """The last images/ of its path becomes labels/."""
    parts = list(image.parts)
    for place in range(len(parts) - 2, -1, -1):
        if parts[place] == "images":
            parts[place] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def _areas(path: Path, names: Mapping[int, str], boxes: Counter[Path]) -> tuple[Area, ...]:
    """Raises Fault for a line that is no polygon; boxes are counted."""
    areas = []
    for number, line in enumerate(read_lines(path, "") if path.is_file() else (), 1):
        try:
            label, *numbers = map(float, line.split())
            if len(numbers) in (4, 5):
                boxes[path] += 1
                continue
            if len(numbers) < 6 or len(numbers) % 2 or label not in names:
                raise ValueError
            shape = polygons([numbers], relative=True)
        except ValueError:
            raise _no_polygon(path, number, names) from None
        assert shape is not None
        areas.append(Area(names[int(label)], shape))
    return tuple(areas)


def _no_polygon(path: Path, number: int, names: Mapping[int, str]) -> Fault:
    return Fault(
        path,
        f"line {number} is not a polygon: write the class, {min(names)} to {max(names)}, and three"
        " or more pairs of x and y",
        kind="yolo line",
        summary="have lines that are not polygons",
        mend=f"write a class, {min(names)} to {max(names)}, and three or more pairs of x and y",
    )


def _refuse_boxes(boxes: Counter[Path]) -> None:
    if boxes:
        raise UserError(
            f"{min(boxes)} holds boxes, no areas ({boxes.total():,} lines of {len(boxes):,} files"
            " have four numbers): a segmentation needs polygons; draw them, or export again as"
            " segmentation"
        )


def _notes(pictures: Sequence[Picture], source: Path) -> tuple[str, ...]:
    bare = [picture.image for picture in pictures if picture.source == source]
    if not bare:
        return ()
    return (
        f"{len(bare):,} images have no label file, the first {bare[0]}: in YOLO this means that"
        " they show none of the classes",
    )


open_yolo = partial(open_annotated, "yolo", read)
"""The data set that lies in a folder."""
