"""Which files belong to a split, and which are missing, found without opening them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from proxy_tasks.datasets.base import SPLITS, Split
from proxy_tasks.datasets.faults import Fault
from search_space.errors import UserError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})


class Pair(NamedTuple):
    """An image and its label map."""

    image: Path
    label: Path


@dataclass(frozen=True)
class Listing:
    """``faults`` keep a data set from being used; ``spare`` label maps have no image."""

    pairs: tuple[Pair, ...] = ()
    faults: tuple[Fault, ...] = ()
    spare: tuple[Path, ...] = ()


Listings = Mapping[Split, Listing]


@dataclass(frozen=True)
class SplitRule:
    """How images are split that lie in one folder: by the lists of names ``train`` and ``val``, or
    by ``share``, the part of them (above 0, below 1) to validate on."""

    train: str | None = None
    val: str | None = None
    share: float | None = None


def files(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """Sorted by name, without hidden ones. Raises UserError for a folder that cannot be read."""
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}") from error
    return [path for path in found if not path.name.startswith(".")]


def match(images: Path, labels: Path) -> Listing:
    """Images and label maps of two folders, by their names up to the suffix."""
    if missing := [folder for folder in (images, labels) if not folder.is_dir()]:
        return Listing(faults=tuple(Fault(folder, "is missing") for folder in missing))
    by_name: dict[str, Path] = {}
    faults = []
    for path in files(images, IMAGE_SUFFIXES):
        if (first := by_name.setdefault(path.stem, path)) != path:
            what = f"and {first.name} share one label map: rename one of them"
            faults.append(Fault(path, what))
    if not by_name:
        return Listing(faults=(Fault(images, "has no images: put .jpg or .png files there"),))
    pairs = [Pair(path, labels / f"{name}.png") for name, path in by_name.items()]
    spare = tuple(path for path in files(labels, (".png",)) if path.stem not in by_name)
    whole, unlabelled = with_labels(pairs)
    return Listing(whole, (*faults, *unlabelled), spare)


def with_labels(pairs: Iterable[Pair]) -> tuple[tuple[Pair, ...], tuple[Fault, ...]]:
    """The pairs whose label map is there, and a fault for each of the others."""
    whole, faults = [], []
    for pair in pairs:
        if pair.label.is_file():
            whole.append(pair)
        else:
            advice = f"has no labels: write {pair.label} or remove the image"
            faults.append(Fault(pair.image, advice))
    return tuple(whole), tuple(faults)


def read_lines(path: Path, advice: str) -> tuple[str, ...]:
    """The lines of a text without blanks; ``advice`` says what a missing file should hold.

    Raises UserError.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise UserError(f"no {path}: {advice}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as UTF-8 text: {error}") from error
    return tuple(line.strip() for line in lines if line.strip())


def image_name(line: str) -> str:
    """Of a line in a list: without folders, and without the suffix if that is an image's."""
    path = Path(line)
    return path.stem if path.suffix.lower() in IMAGE_SUFFIXES else path.name


def refuse_overlap(lists: Mapping[Split, tuple[Path, Iterable[str]]]) -> None:
    """UserError for a name that is trained on and validated on."""
    (train, trained), (val, validated) = (lists[split] for split in SPLITS)
    if both := sorted({*trained} & {*validated}):
        raise UserError(
            f"{val} has {both[0]!r}, which {train} has too ({len(both)} such names):"
            " what is trained on measures nothing"
        )


def split_by_names(whole: Listing, names: Mapping[Split, tuple[Path, tuple[str, ...]]]) -> Listings:
    """``whole`` parted by lists of names, each from the file beside it."""
    refuse_overlap(names)
    if not whole.pairs:
        return {"train": whole, "val": Listing()}
    by_name = {pair.image.stem: pair for pair in whole.pairs}
    unlabelled = {fault.path.stem: fault for fault in whole.faults}
    parted: dict[Split, Listing] = {}
    for split, (source, listed) in names.items():
        pairs = tuple(by_name[name] for name in dict.fromkeys(listed) if name in by_name)
        faults = [
            unlabelled.get(name, Fault(source, f"has {name!r}, but no image is called so"))
            for name in listed
            if name not in by_name
        ]
        parted[split] = Listing(pairs, _never_empty(pairs, faults, source))
    return parted


def split_by_share(whole: Listing, share: float, folder: Path) -> Listings:
    """``whole`` parted by a hash of each name: an image stays where it is when others come or go.

    The part validated on is ``share`` up to chance.
    """
    parts: dict[Split, list[Pair]] = {"train": [], "val": []}
    for pair in whole.pairs:
        parts["val" if _place(pair.image.stem) < share else "train"].append(pair)
    found = {split: Listing(tuple(pairs)) for split, pairs in parts.items()}
    empty = [split for split in SPLITS if not parts[split]] if whole.pairs else []
    advice = f"{', '.join(empty)}: data.split.share leaves no images for it; change it"
    faults = (*whole.faults, *([Fault(folder, advice)] if empty else []))
    return {**found, "train": Listing(found["train"].pairs, faults, whole.spare)}


def _place(name: str) -> float:
    """In [0, 1), uniform over names."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32


def _never_empty(pairs: tuple[Pair, ...], faults: list[Fault], source: Path) -> tuple[Fault, ...]:
    return tuple(faults) if pairs or faults else (Fault(source, "names no images"),)
