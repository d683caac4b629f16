"""Which files belong to a split, and which are missing, found without opening them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from proxy_tasks.datasets.base import Split
from proxy_tasks.datasets.faults import Fault
from search_space.errors import UserError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})


class Pair(NamedTuple):
    """An image and its label map. ``group`` is the scene folder that it lies in; ``key``, its path
    below the folder of images without the suffix, tells it from images of the same file name."""

    image: Path
    label: Path
    group: str = ""
    key: str = ""

    @property
    def name(self) -> str:
        """The key, or without one the file's name."""
        return self.key or self.image.stem


@dataclass(frozen=True)
class Listing:
    """``faults`` keep a data set from being used; ``spare`` label maps have no image; ``remarks``
    say what was assumed."""

    pairs: tuple[Pair, ...] = ()
    faults: tuple[Fault, ...] = ()
    spare: tuple[Path, ...] = ()
    remarks: tuple[str, ...] = ()


Listings = Mapping[Split, Listing]


Names = str | tuple[str, ...] | None


@dataclass(frozen=True)
class SplitRule:
    """What to train, to validate and to test on, where the folders do not say.

    ``train``, ``val`` and ``test``: scene folders, patterns of paths (``Tile 7/*``) or files that
    list names, one or several; what none of them names is trained on. Instead of ``val``:
    ``share``, the part of them (above 0, below 1) to validate on, or ``folds``: all that is trained
    on is validated on as well, in so many folds.
    """

    train: Names = None
    val: Names = None
    share: float | None = None
    test: Names = None
    folds: int | None = None


def walk(folder: Path) -> Iterator[Path]:
    """All files below it, sorted, without hidden ones. Raises UserError where it cannot be read."""

    def refuse(error: OSError) -> None:
        raise UserError(f"{error.filename} cannot be read: {error.strerror}") from error

    for home, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        yield from (Path(home) / name for name in sorted(names) if not name.startswith("."))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name in ("__MACOSX", "@eaDir")


def files(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """Sorted by name, without hidden ones. Raises UserError for a folder that cannot be read."""
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}") from error
    return [path for path in found if not path.name.startswith(".")]


def with_labels(pairs: Iterable[Pair]) -> tuple[tuple[Pair, ...], tuple[Fault, ...]]:
    """The pairs whose label map is there, and a fault for each of the others."""
    whole, faults = [], []
    for pair in pairs:
        if os.path.isfile(pair.label):
            whole.append(pair)
        else:
            faults.append(unlabelled(pair))
    return tuple(whole), tuple(faults)


def unlabelled(pair: Pair) -> Fault:
    """Of an image whose label map is not there."""
    return Fault(
        pair.image,
        f"has no labels: write {pair.label} or remove the image",
        kind="unlabelled",
        summary="have no labels",
        mend=f"write {pair.label} and so on, or remove the images",
    )


def read_lines(path: Path, advice: str, blank: bool = False) -> tuple[str, ...]:
    """The lines of a text, stripped, with those that are ``blank`` only on demand; ``advice`` says
    what a missing file should hold.

    Raises UserError.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise UserError(f"no {path}: {advice}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as UTF-8 text: {error}") from error
    stripped = (line.strip() for line in lines)
    return tuple(line for line in stripped if line or blank)


def image_name(line: str) -> str:
    """Of a line in a list: without folders, and without the suffix if that is an image's."""
    path = Path(line)
    return path.stem if path.suffix.lower() in IMAGE_SUFFIXES else path.name


def refuse_overlap(parts: Mapping[Split, tuple[object, Iterable[str]]]) -> None:
    """``parts``: for each who says what is in it, and the names. UserError for a name in two."""
    named = [(source, {*names}) for source, names in parts.values()]
    for (one, first), (other, second) in combinations(named, 2):
        if both := sorted(first & second):
            raise UserError(
                f"{other} has {both[0]!r}, which {one} has too ({len(both)} such names):"
                " scores on images that are trained on mean nothing"
            )
