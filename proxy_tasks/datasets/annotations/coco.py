"""COCO's instances: Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014, as COCO,
CVAT, Label Studio, FiftyOne and others write them, and Roboflow with a folder for each part.

ROOT/annotations.json, or annotations/instances_{train,val}.json    images beside or in images/
ROOT/{train,valid,test}/_annotations.coco.json                      images beside
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pycocotools import mask as coco_masks

from proxy_tasks.datasets.annotations.names import coco_files, part_called, part_in
from proxy_tasks.datasets.annotations.opening import open_annotated
from proxy_tasks.datasets.annotations.reading import (
    Area,
    LeftOut,
    Picture,
    Reading,
    first_file,
    missing,
    read_json,
)
from proxy_tasks.datasets.annotations.shapes import Runs, Shape, Size, polygons
from proxy_tasks.datasets.faults import Fault
from search_space.errors import UserError

_KEYS = ("images", "annotations", "categories")
BOX = "with a box but no outline"


def read(root: Path) -> Reading:
    """Raises UserError where there are no such files, or where they hold boxes alone."""
    files = coco_files(root)
    if not files:
        raise UserError(
            f"{root} has no annotations.json, instances_*.json or _annotations.coco.json"
        )
    found = [_File(path, root) for path in files]
    names = {i: n for file in reversed(found) for i, n in file.categories.items()}
    labels = tuple(dict.fromkeys(names[i] for i in sorted(names)))
    dummies = {name for file in found for name in file.headings()}
    dummies -= {area.label for file in found for picture in file.pictures for area in picture.areas}
    left_out = sum((file.left_out for file in found), LeftOut())
    _refuse_boxes(found, left_out)
    notes = [f"category {name!r} is a heading of Roboflow's: left out" for name in sorted(dummies)]
    return Reading(
        pictures=tuple(picture for file in found for picture in file.pictures),
        labels=tuple(label for label in labels if label not in dummies),
        source=files[0],
        faults=tuple(fault for file in found for fault in file.faults),
        notes=(*notes, *LeftOut(left_out).note()),
    )


class _File:
    """One JSON file."""

    def __init__(self, path: Path, root: Path) -> None:
        content = read_json(path)
        if not isinstance(content, dict) or not all(key in content for key in _KEYS):
            raise UserError(f"{path} lacks {', '.join(_KEYS)}: it is not a COCO file of instances")
        self.path, self.left_out, self.stray = path, LeftOut(), 0
        self._unknown: Counter[int] = Counter()
        try:
            self.categories = {int(c["id"]): str(c["name"]) for c in content["categories"]}
            self._headings = [str(c.get("supercategory")) for c in content["categories"]]
            areas = self._areas(content)
            self.pictures, lost = self._find(content["images"], areas, root)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(
                f"{path} is not a COCO file of instances ({type(error).__name__}: {error})"
            ) from error
        self.faults = [*missing(path, lost, "beside it or in images/"), *self._strays()]

    def headings(self) -> list[str]:
        """Categories that only head the others, as Roboflow's first."""
        categories = zip(self.categories.values(), self._headings, strict=True)
        return [name for name, over in categories if over == "none" and name in self._headings]

    def _areas(self, content: Mapping[str, Any]) -> dict[Any, list[Area]]:
        """By the id of the image."""
        areas: dict[Any, list[Area]] = {each["id"]: [] for each in content["images"]}
        sizes = {each["id"]: _size(each) for each in content["images"]}
        for each in content["annotations"]:
            category = int(each["category_id"])
            if each["image_id"] not in areas:
                self.stray += 1
            elif category not in self.categories:
                self._unknown[category] += 1
            elif shape := self._shape(each, sizes[each["image_id"]]):
                areas[each["image_id"]].append(Area(self.categories[category], shape))
        return areas

    def _shape(self, annotation: Mapping[str, Any], size: Size) -> Shape | None:
        outline = annotation.get("segmentation")
        if not outline:
            self.left_out[BOX] += 1
            return None
        if isinstance(outline, dict):
            return _runs(outline, size)
        rings = outline if isinstance(outline[0], list) else [outline]
        shape = polygons(rings)
        if shape is None:
            self.left_out["of less than three points"] += 1
        return shape

    def _find(
        self, images: Iterable[Mapping[str, Any]], areas: Mapping[Any, list[Area]], root: Path
    ) -> tuple[list[Picture], list[str]]:
        """The images that are there, and the names of the others."""
        part = part_in(self.path.stem)
        if self.path.parent != root:
            part = part_called(self.path.parent.name) or part
        places = list(_image_folders(self.path, root))
        pictures, lost = [], []
        for each in images:
            path = first_file(places, str(each["file_name"]))
            if path is None:
                lost.append(str(each["file_name"]))
                continue
            found = tuple(areas[each["id"]])
            pictures.append(Picture(path, self.path, found, _size(each), part))
        return pictures, lost

    def _strays(self) -> list[Fault]:
        faults = []
        if self.stray:
            what = f"has {self.stray:,} annotations of images that it does not list: export again"
            faults.append(Fault(self.path, what))
        if self._unknown:
            shown = ", ".join(map(str, sorted(self._unknown)[:8]))
            number = sum(self._unknown.values())
            what = f"has {number:,} annotations of categories that it does not list: {shown}"
            faults.append(Fault(self.path, what))
        return faults


def _size(image: Mapping[str, Any]) -> Size:
    return int(image["height"]), int(image["width"])


def _runs(outline: Mapping[str, Any], size: Size) -> Runs:
    height, width = map(int, outline["size"])
    counts = outline["counts"]
    if (height, width) != size:
        raise ValueError(f"a mask of {height}x{width} for an image of {size[0]}x{size[1]}")
    if isinstance(counts, list) and sum(counts) != height * width:
        raise ValueError(f"a mask counts {sum(counts)} pixels of {height}x{width}")
    if isinstance(counts, list):
        counts = coco_masks.frPyObjects({"size": [height, width], "counts": counts}, height, width)[
            "counts"
        ]
    return Runs(0, 0, height, width, counts if isinstance(counts, bytes) else counts.encode())


def _image_folders(path: Path, root: Path) -> Iterable[Path]:
    """Where images may lie, the likeliest first: COCO has train2017/, datumaro images/train/."""
    tag = path.stem.rpartition("_")[2]
    for folder in dict.fromkeys((path.parent, root)):
        yield from (folder / "images" / tag, folder / tag, folder / "images", folder)


def _refuse_boxes(found: Iterable[_File], left_out: Mapping[str, int]) -> None:
    drawn = any(picture.areas for file in found for picture in file.pictures)
    if left_out.get(BOX) and not drawn:
        path = next(file.path for file in found if file.left_out)
        raise UserError(
            f"{path} has boxes, no outlines ({left_out[BOX]:,} annotations): a segmentation needs"
            " polygons or masks; draw them, or export as instance segmentation"
        )


open_coco = partial(open_annotated, "coco", read)
"""The data set that lies in a folder."""
