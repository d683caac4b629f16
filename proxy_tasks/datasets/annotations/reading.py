"""What a format's reader hands over: images with their shapes, and the words of its files."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

from proxy_tasks.datasets.annotations.shapes import Shape, Size
from proxy_tasks.datasets.base import Colour, Split
from proxy_tasks.datasets.faults import Fault
from search_space.errors import UserError


class Area(NamedTuple):
    """A shape and its label in the file."""

    label: str
    shape: Shape


@dataclass(frozen=True)
class Picture:
    """An image as ``source`` has it: its areas from the lowest to the topmost, the (height, width)
    for which they were drawn, where that is said, and the part that it stands in."""

    image: Path
    source: Path
    areas: tuple[Area, ...] = ()
    size: Size | None = None
    part: Split | None = None


@dataclass(frozen=True)
class Reading:
    """All that a folder holds. ``labels`` stand in the order of their classes; ``source`` is the
    file that names them; ``colours`` are the tool's own."""

    pictures: tuple[Picture, ...]
    labels: tuple[str, ...]
    source: Path
    colours: Mapping[str, Colour] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()


class LeftOut(Counter[str]):
    """Counts shapes that are no areas, by what they are."""

    def note(self) -> list[str]:
        """One line about all of them."""
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in self.most_common())
        return [f"shapes that enclose no area are left out: {kinds}"] if self else []


def read_json(path: Path) -> Any:
    """Raises UserError where it cannot be read or is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}; export it again") from error


def plain_path(name: str) -> str:
    """With slashes, also where the tool ran on Windows."""
    return PureWindowsPath(name).as_posix()


def first_file(folders: Iterable[Path], name: str) -> Path | None:
    """Where a file of that name lies: under one of the folders as it is written, or, as paths
    change when data sets move, by its last part alone."""
    name = plain_path(name)
    places = [folder / each for each in (name, Path(name).name) for folder in folders]
    # Not is_file, which raises where a name is too long for the disk.
    found = next((place for place in places if os.path.isfile(place)), None)
    return None if found is None else Path(os.path.normpath(found))


def missing(source: Path, names: list[str], where: str) -> list[Fault]:
    """One fault for all images that ``source`` names but nobody finds."""
    if not names:
        return []
    more = f" and {len(names) - 1:,} more" if len(names) > 1 else ""
    return [Fault(source, f"names {names[0]}{more}, not found: put the images {where}")]
