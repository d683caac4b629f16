"""Which files each tool writes: enough to tell a folder's format, by names and first lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path

from proxy_tasks.datasets.base import Split
from proxy_tasks.datasets.layout import PART_FOLDERS
from proxy_tasks.datasets.listing import walk

WORDS: Mapping[str, Split] = {word: part for part, words in PART_FOLDERS.items() for word in words}
"""What tools call the parts of a data set."""

_COCO = ("instances_*.json", "annotations.json", "_annotations.coco.json", "*coco*.json",
         "labels.json", "result.json")  # fmt: skip
_COCO_KEYS = ('"images"', '"annotations"', '"categories"', '"info"')
_LABELME_KEYS = ('"shapes"', '"imageData"', '"imagePath"')
_LOOKED_AT = 20
"""JSON files that are opened to find one of Labelme's."""


def part_in(name: str) -> Split | None:
    """The part that a file's name speaks of, as ``instances_train2017``."""
    words = re.findall(r"[a-z]+", name.lower())
    return next((WORDS[word] for word in words if word in WORDS), None)


def part_called(*folders: str) -> Split | None:
    """The part that one of the folders is called by, as ``valid`` or ``val2017``; a scene may be
    called ``test field``."""
    names = (folder.lower().rstrip("0123456789") for folder in folders)
    return next((WORDS[name] for name in names if name in WORDS), None)


def start_of(path: Path, length: int = 1 << 16) -> str:
    """The first characters, to tell what it is; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(length).decode(errors="replace")
    except OSError:
        return ""


def folders(root: Path) -> list[Path]:
    """``root``, and the folders in it that are named as parts of a data set are."""
    inner = (path for path in _sorted(root) if path.name.lower() in WORDS and path.is_dir())
    return [root, *inner]


def coco_files(root: Path) -> list[Path]:
    """Instances where their names say so; else whatever of ``_COCO`` is found first."""
    places = [*folders(root), root / "annotations"]
    there = [path for place in places for path in _sorted(place) if path.suffix == ".json"]
    for pattern in _COCO:
        named = [path for path in there if fnmatch(path.name.lower(), pattern)]
        if found := [path for path in named if _is_coco(path)]:
            return found
    return []


def labelme_files(root: Path) -> Iterator[Path]:
    """All label files under ``root``, in the order of their paths."""
    for path in _json_files(root):
        if any(key in start_of(path) for key in _LABELME_KEYS):
            yield path


def cvat_xml_files(root: Path) -> list[Path]:
    """CVAT's, of images or of videos: one a task, or, by datumaro, one a part."""
    there = [path for path in _sorted(root) if path.suffix == ".xml"]
    return [path for path in there if "<annotations>" in start_of(path, 1 << 10)]


def is_coco(root: Path) -> bool:
    return bool(coco_files(root))


def is_labelme(root: Path) -> bool:
    few = islice(_json_files(root), _LOOKED_AT)
    return any('"shapes"' in start_of(path, 1 << 12) for path in few)


def is_cvat(root: Path) -> bool:
    return (root / "labelmap.txt").is_file() or bool(cvat_xml_files(root))


def is_yolo(root: Path) -> bool:
    return any("names:" in start_of(path) for path in yolo_files(root))


def yolo_files(root: Path) -> list[Path]:
    """data.yaml, or the one YAML file that names classes."""
    there = [path for path in _sorted(root) if path.suffix in (".yaml", ".yml")]
    named = [path for path in there if path.stem == "data"]
    return named or [path for path in there if "names:" in start_of(path)]


def _json_files(root: Path) -> Iterator[Path]:
    return (path for path in walk(root) if path.suffix == ".json")


def _is_coco(path: Path) -> bool:
    start = start_of(path).lstrip("\ufeff \n\r\t")
    return start.startswith("{") and any(key in start for key in _COCO_KEYS)


def _sorted(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []
