"""Label files of Labelme (github.com/wkentaro/labelme), and of tools that write the same.

ROOT/NAME.json beside NAME.jpg, or in labels/, or in folders for parts or scenes
ROOT/labels.txt    optional: the labels in the order of their classes, as `labelme --labels` reads
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from proxy_tasks.datasets.annotations.names import labelme_files, part_called
from proxy_tasks.datasets.annotations.naming import BACKGROUND
from proxy_tasks.datasets.annotations.opening import open_annotated
from proxy_tasks.datasets.annotations.reading import (
    Area,
    LeftOut,
    Picture,
    Reading,
    first_file,
    plain_path,
    read_json,
)
from proxy_tasks.datasets.annotations.shapes import Runs, Shape, box, ellipse, packed, polygons
from proxy_tasks.datasets.classes import read_classes
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.labels import VOID
from proxy_tasks.datasets.listing import IMAGE_SUFFIXES, walk
from search_space.errors import UserError

SPECIAL = {"_background_": BACKGROUND, "__ignore__": VOID}
"""Labelme's own words for them."""

_OUTLINES = ("polygon", "oriented_rectangle", "rotation", "rectangle")


def read(root: Path) -> Reading:
    """Raises UserError where there are no label files, or where one is none."""
    left_out = LeftOut()
    found = [_picture(path, root, left_out) for path in labelme_files(root)]
    pictures = [each for each in found if isinstance(each, Picture)]
    faults = [each for each in found if isinstance(each, Fault)]
    if not pictures and not faults:
        raise UserError(f"{root} has no label files of Labelme's: NAME.json beside NAME.jpg")
    used = {area.label for picture in pictures for area in picture.areas}
    listed = root / "labels.txt"
    names = read_classes(listed).names if listed.is_file() else ()
    order = [SPECIAL.get(name, name) for name in names]
    labels = dict.fromkeys([*order, *sorted(used)])
    return Reading(
        pictures=tuple(pictures),
        labels=tuple(labels),
        source=listed if listed.is_file() else root,
        faults=tuple(faults),
        notes=(*left_out.note(), *_unlabelled(root, pictures)),
    )


def _picture(path: Path, root: Path, left_out: LeftOut) -> Picture | Fault:
    content = read_json(path)
    try:
        size = int(content["imageHeight"]), int(content["imageWidth"])
        areas = [area for each in content["shapes"] if (area := _area(each, left_out))]
        name = str(content["imagePath"])
    except (KeyError, TypeError, ValueError, OSError) as error:
        return Fault(
            path,
            f"is not a label file of Labelme's ({type(error).__name__}: {error}); save it again",
        )
    image = _image(path, root, name)
    if image is None:
        return _no_image(path, name, bool(content.get("imageData")))
    part = part_called(*path.relative_to(root).parts[:-1])
    return Picture(image, path, tuple(areas), size, part)


def _area(content: Mapping[str, Any], left_out: LeftOut) -> Area | None:
    label, kind = str(content["label"]), str(content.get("shape_type") or "polygon")
    shape = _shape(kind, content["points"], content.get("mask"))
    if shape is None:
        left_out[kind if kind not in _OUTLINES else "of less than three points"] += 1
        return None
    return Area(SPECIAL.get(label, label), shape)


def _shape(kind: str, points: Sequence[Sequence[float]], mask: str | None) -> Shape | None:
    """None for what is no area: points and lines."""
    if kind == "rectangle" and len(points) == 2:
        (left, right), (top, bottom) = (sorted(each) for each in zip(*points, strict=True))
        return box(left, top, right, bottom)
    if kind in _OUTLINES:
        return polygons([[value for point in points for value in point]])
    if kind == "circle":
        (x, y), (edge_x, edge_y) = points
        radius = float(np.hypot(edge_x - x, edge_y - y))
        return ellipse(x, y, radius, radius)
    return _mask(points, mask) if kind == "mask" and mask else None


def _mask(points: Sequence[Sequence[float]], encoded: str) -> Runs:
    """A picture whose first pixel is the first of the points."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(encoded))) as image:
            inside = np.asarray(image.convert("L")) > 0
    except (OSError, SyntaxError, binascii.Error) as error:
        raise ValueError(f"a mask is not a picture: {error}") from error
    return packed(inside, int(points[0][1]), int(points[0][0]))


def _image(path: Path, root: Path, name: str) -> Path | None:
    """By ``imagePath``, else by the name of the label file."""
    folders = [path.parent, path.parent / "images", path.parent.parent / "images", root / "images"]
    if found := first_file(folders[: 4 if path.parent != root else 2], name):
        return Path(found)
    names = (f"{path.stem}{suffix}" for suffix in sorted(IMAGE_SUFFIXES))
    return next((each for name in names if (each := first_file(folders[:2], name))), None)


def _no_image(path: Path, name: str, inside: bool) -> Fault:
    name = plain_path(name)
    advice = f"put {Path(name).name} beside it"
    if inside:
        advice += ", or extract it from the file: labelme_export_json FILE"
    return Fault(
        path,
        f"names {name}, which does not exist: {advice}",
        kind="labelme image",
        summary="name images that do not exist",
        mend="put the images beside their label files"
        + (", or extract them from the files: labelme_export_json FILE" if inside else ""),
    )


def _unlabelled(root: Path, pictures: Sequence[Picture]) -> list[str]:
    known = {picture.image.resolve() for picture in pictures}
    spare = [
        path
        for path in walk(root)
        if path.suffix.lower() in IMAGE_SUFFIXES and path.resolve() not in known
    ]
    if not spare:
        return []
    return [f"{len(spare):,} images have no label file and are left out, the first {min(spare)}"]


open_labelme = partial(open_annotated, "labelme", read)
"""The data set that lies in a folder."""
