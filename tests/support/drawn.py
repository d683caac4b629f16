"""Small data sets as labelling tools write them: every image has the stripes road, car, sky, and
one that no shape covers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.trees import HEIGHT, WIDTH, Tree, save_colours, save_image

LABELS = ("road", "car", "sky")
PARTS = {"train": ("0", "a b", "x.v2"), "val": ("0", "1")}
COLOURS = {"road": (128, 64, 128), "car": (0, 0, 142), "sky": (70, 130, 180)}

Corners = tuple[float, float, float, float]
"""left, top, right, bottom"""


def stripes() -> Iterator[tuple[str, Corners]]:
    """Four, of which the last has no label."""
    for place, label in enumerate(LABELS):
        yield label, (place * WIDTH / 4, 0, (place + 1) * WIDTH / 4, HEIGHT)


def ring(corners: Corners) -> list[float]:
    left, top, right, bottom = corners
    return [left, top, right, top, right, bottom, left, bottom]


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def coco_content(
    names: Sequence[str], segmentations: Sequence[tuple[int, Any]] | None = None
) -> dict[str, Any]:
    """Categories 3, 7 and 90; ``segmentations`` with their category, by default the stripes."""
    categories = [{"id": i, "name": n} for i, n in zip((3, 7, 90), LABELS, strict=True)]
    ids = {each["name"]: each["id"] for each in categories}
    drawn = segmentations or [(ids[label], [ring(corners)]) for label, corners in stripes()]
    images = [
        {"id": 100 + place, "file_name": name, "height": HEIGHT, "width": WIDTH}
        for place, name in enumerate(names)
    ]
    annotations = [
        {"image_id": image["id"], "category_id": category, "segmentation": shape, "iscrowd": 0}
        for image in images
        for category, shape in drawn
    ]
    numbered = [{"id": place, **each} for place, each in enumerate(annotations)]
    return {"images": images, "annotations": numbered, "categories": categories[::-1]}


def coco(root: Path) -> Path:
    """As COCO has it: a folder of images a part."""
    for part, names in PARTS.items():
        for name in names:
            save_image(root / f"{part}2017" / f"{name}.png")
        files = [f"{name}.png" for name in names]
        write_json(root / "annotations" / f"instances_{part}2017.json", coco_content(files))
    return root


def roboflow(root: Path) -> Path:
    """A folder for each part, `valid` among them, and a first category that is only a heading."""
    for part, names in {"train": PARTS["train"], "valid": PARTS["val"]}.items():
        content = coco_content([f"{name}.png" for name in names])
        content["categories"].append({"id": 0, "name": "streets", "supercategory": "none"})
        for category in content["categories"][:-1]:
            category["supercategory"] = "streets"
        write_json(root / part / "_annotations.coco.json", content)
        for name in names:
            save_image(root / part / f"{name}.png")
    return root


def labelme_content(
    image: str, shapes: Sequence[Mapping[str, Any]] | None = None
) -> dict[str, Any]:
    """As Labelme 5 writes it; the stripes are rectangles, corners in any order."""
    drawn = shapes or [
        {"label": label, "shape_type": "rectangle", "points": [[x2, y1], [x1, y2]]}
        for label, (x1, y1, x2, y2) in stripes()
    ]
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": [{"group_id": None, "flags": {}, **shape} for shape in drawn],
        "imagePath": image,
        "imageData": None,
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
    }


def labelme(root: Path) -> Path:
    """Label files in a folder of their own, and labels.txt."""
    for part, names in PARTS.items():
        for name in names:
            save_image(root / part / "images" / f"{name}.png")
            content = labelme_content(f"..\\images\\{name}.png")
            write_json(root / part / "labels" / f"{name}.json", content)
    (root / "labels.txt").write_text("__ignore__\n" + "\n".join(LABELS) + "\n")
    return root


def cvat_xml(images: Sequence[tuple[str, str]], shapes: str | None = None) -> str:
    """``images``: (name, subset); ``shapes`` of each, by default the stripes as boxes."""
    drawn = shapes or "".join(
        f'<box label="{label}" xtl="{x1}" ytl="{y1}" xbr="{x2}" ybr="{y2}" z_order="0"/>'
        for label, (x1, y1, x2, y2) in stripes()
    )
    labels = "".join(
        f"<label><name>{label}</name><color>#{r:02x}{g:02x}{b:02x}</color></label>"
        for label, (r, g, b) in COLOURS.items()
    )
    inside = "".join(
        f'<image id="{place}" name="{name}" subset="{subset}" width="{WIDTH}" height="{HEIGHT}">'
        f"{drawn}</image>"
        for place, (name, subset) in enumerate(images)
    )
    meta = f"<meta><project><labels>{labels}</labels></project></meta>"
    return f"<annotations><version>1.1</version>{meta}{inside}</annotations>"


def cvat(root: Path) -> Path:
    """A project with subsets."""
    images = [(f"{name}.png", part.title()) for part, names in PARTS.items() for name in names]
    for name, subset in images:
        save_image(root / "images" / subset / name)
    (root / "annotations.xml").write_text(cvat_xml(images))
    return root


def cvat_masks(root: Path) -> Path:
    """What no shape covers is black, which labelmap.txt calls background."""
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    lines = [f"{name}:{r},{g},{b}::\n" for name, (r, g, b) in COLOURS.items()]
    header = "# label:color_rgb:parts:actions\nbackground:0,0,0::\n"
    (root / "labelmap.txt").write_text(header + "".join(lines))
    for part, names in {"Train": ("0", "a b", "x.v2"), "Validation": ("10", "1")}.items():
        (lists / f"{part}.txt").write_text("".join(f"{name}\n" for name in names))
        for name in names:
            save_image(root / "JPEGImages" / f"{name}.png")
            label = root / "SegmentationClass" / f"{name}.png"
            save_colours(label, *COLOURS.values(), (0, 0, 0))
    return root


def yolo_lines(shapes: Sequence[tuple[int, Sequence[float]]] | None = None) -> str:
    """Polygons in pixels with their class, by default the stripes."""
    drawn = shapes or [(LABELS.index(label), ring(corners)) for label, corners in stripes()]
    scales = (WIDTH, HEIGHT)
    return "".join(
        f"{index} {' '.join(f'{v / scales[i % 2]:.6f}' for i, v in enumerate(points))}\n"
        for index, points in drawn
    )


def yolo(root: Path) -> Path:
    """As Ultralytics has it; ``path`` is that of the machine on which the file was written."""
    for part, names in PARTS.items():
        for name in names:
            save_image(root / "images" / part / f"{name}.png")
            label = root / "labels" / part / f"{name}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(yolo_lines())
    names = "".join(f"  {place}: {label}\n" for place, label in enumerate(LABELS))
    head = "path: /home/me/streets\ntrain: images/train\nval: images/val\ntest:\nnames:\n"
    (root / "data.yaml").write_text(head + names)
    return root


def yolo_of_roboflow(root: Path) -> Path:
    """With paths that are beside where they say."""
    for part, names in {"train": PARTS["train"], "valid": PARTS["val"]}.items():
        for name in names:
            save_image(root / part / "images" / f"{name}.png")
            label = root / part / "labels" / f"{name}.txt"
            label.parent.mkdir(parents=True, exist_ok=True)
            label.write_text(yolo_lines())
    text = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 3\n"
    (root / "data.yaml").write_text(text + f"names: {list(LABELS)}\n")
    return root


def _tree(name: str, make: Callable[[Path], Path], **options: Any) -> Tree:
    return Tree(name, make, (3, 2), (0, 1, 2, 255), {"uncovered": "void", **options})


DRAWN = {
    "coco": _tree("coco", coco),
    "coco by roboflow": _tree("coco", roboflow),
    "labelme": _tree("labelme", labelme),
    "cvat": _tree("cvat", cvat),
    "cvat masks": _tree("cvat", cvat_masks),
    "yolo": _tree("yolo", yolo),
    "yolo by roboflow": _tree("yolo", yolo_of_roboflow),
}
