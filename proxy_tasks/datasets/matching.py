"""Which label map belongs to which image, by their names."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.listing import IMAGE_SUFFIXES, Listing, Pair, unlabelled, walk

LABEL_SUFFIXES = (".png", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".jpg", ".jpeg")
"""The first is taken where a label map lies there in several formats."""

LABEL_ENDINGS = (
    "", "_labelIds", "_gtFine_labelIds", "_gtFine_labelTrainIds", "_labelTrainIds", "_trainIds",
    "_mask", "_masks", "-mask", ".mask", "_label", "_labels", "-label", ".label", "_gt", "-gt",
    ".gt", "_seg", "_segmentation", "_annotation", "_groundtruth", "_lab", "_L",
)  # fmt: skip
"""What tools put after an image's name."""
IMAGE_ENDINGS = ("", "_leftImg8bit", "_sat", "_image", "_img", "_rgb")
"""What stands there in an image's own name instead."""
_OTHER_ENDINGS = ("_color", "_colour", "_colors", "_instanceIds", "_instances", "_vis", "_overlay")


class Pattern(NamedTuple):
    """NAME + ``image`` goes with NAME + ``label``."""

    image: str = ""
    label: str = ""

    def __str__(self) -> str:
        return f"NAME{self.label} for NAME{self.image}"


def match(images: Path, labels: Path, group: str = "") -> Listing:
    """Images and label maps of two folders and the folders below them, by their names up to the
    suffix and to what labelling tools write before it. ``group`` is the scene of them all, else
    each has the folder that it lies in."""
    if missing := [folder for folder in (images, labels) if not folder.is_dir()]:
        return Listing(faults=tuple(Fault(folder, "is missing") for folder in missing))
    found = [path for path in walk(images) if path.suffix.lower() in IMAGE_SUFFIXES]
    maps = [path for path in walk(labels) if path.suffix.lower() in LABEL_SUFFIXES]
    if not found:
        return Listing(faults=(Fault(images, "has no images: put .jpg or .png files there"),))
    return _matched(images, found, _Index(labels, maps), group)


def match_beside(folder: Path, group: str = "") -> Listing | None:
    """As `match`, where label maps lie beside the images: NAME_mask.png and such beside NAME.jpg,
    or NAME.png beside NAME.jpg. None where no file looks like a label map."""
    paths = [path for path in walk(folder) if path.suffix.lower() in IMAGE_SUFFIXES]
    index = _Index(folder, [path for path in paths if path.suffix.lower() in LABEL_SUFFIXES])
    names = _names(_key(path, folder) for path in paths)
    maps = [path for path in index.paths if names & {*index.names_of(path, LABEL_ENDINGS[1:])}]
    if not maps:
        photos = {_key(path, folder) for path in paths if path.suffix.lower() in (".jpg", ".jpeg")}
        lossless = [path for path in paths if path.suffix.lower() not in (".jpg", ".jpeg")]
        maps = [path for path in lossless if _key(path, folder) in photos]
    if not maps:
        return None
    others = {*maps} | {path for path in paths if names & {*index.names_of(path, _OTHER_ENDINGS)}}
    images = [path for path in paths if path not in others]
    return _matched(folder, images, _Index(folder, maps), group)


def _matched(folder: Path, images: Sequence[Path], index: _Index, group: str) -> Listing:
    by_key, faults = _by_key(folder, images)
    pattern = index.best(by_key)
    pairs = [
        Pair(path, index.find(key, pattern), *_place(group, key)) for key, path in by_key.items()
    ]
    there = tuple(pair for pair in pairs if pair.label in index.paths)
    without = [pair for pair in pairs if pair.label not in index.paths]
    called = (f"label maps in {index.folder} are called {pattern}",) if any(pattern) else ()
    return Listing(
        there,
        (*faults, *_shared(there), *(_without(pair, index) for pair in without)),
        index.spare(there, by_key),
        (*called, *index.passed_over(there, by_key)),
    )


def _by_key(folder: Path, images: Sequence[Path]) -> tuple[dict[str, Path], list[Fault]]:
    """By their path below ``folder`` without the suffix."""
    by_key: dict[str, Path] = {}
    faults = []
    for path in images:
        if (first := by_key.setdefault(_key(path, folder), path)) != path:
            what = f"and {first.name} share one label map: rename one of them"
            faults.append(Fault(path, what))
    return by_key, faults


def _shared(pairs: Sequence[Pair]) -> list[Fault]:
    """Of images in several folders for whose name there is one label map."""
    first: dict[Path, Path] = {}
    return [
        Fault(
            pair.image,
            f"and {first[pair.label]} share one label map, {pair.label}:"
            " put label maps into folders with the names of the images' folders",
            kind="shared-label",
            summary="share a label map with another image of their name",
            mend="put label maps into folders with the names of the images' folders",
        )
        for pair in pairs
        if first.setdefault(pair.label, pair.image) != pair.image
    ]


def _without(pair: Pair, index: _Index) -> Fault:
    """With what lies there instead."""
    fault = unlabelled(pair)
    name = pair.image.stem
    if like := sorted(path for path in index.paths if name in path.name):
        place = like[0].name.replace(name, "{name}", 1)
        fault.what += f"; where {like[0].name} is meant, write data.labels: '.../{place}'"
        fault.mend += f"; where {like[0].name} is meant, write data.labels: '.../{place}'"
    return fault


def _key(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _place(group: str, key: str) -> tuple[str, str]:
    """The scene, and the key that tells images of several scenes apart."""
    if group:
        return group, f"{group}/{key}"
    return key.rpartition("/")[0], key


class _Index:
    """Label maps by the image's name that each pattern would make of theirs."""

    def __init__(self, folder: Path, paths: Sequence[Path]) -> None:
        self.folder, self.paths = folder, frozenset(paths)
        self._by_ending: dict[str, dict[str, Path]] = {ending: {} for ending in LABEL_ENDINGS}
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        ordered = sorted(paths, key=lambda path: LABEL_SUFFIXES.index(path.suffix.lower()))
        for path in ordered:
            key = _key(path, folder)
            for ending in LABEL_ENDINGS:
                if key.lower().endswith(ending.lower()):
                    self._by_ending[ending].setdefault(key[: len(key) - len(ending)], path)
        for key in self._by_ending[""]:
            self._by_stem[key.rpartition("/")[2]].append(key)

    def best(self, keys: Iterable[str]) -> Pattern:
        """The one that finds most images' label maps; the plainest of equals."""
        patterns = [Pattern(i, label) for label in LABEL_ENDINGS for i in IMAGE_ENDINGS]
        keys = [*keys]
        found = Counter({p: sum(self._there(key, p) is not None for key in keys) for p in patterns})
        return max(patterns, key=lambda pattern: found[pattern])

    def find(self, key: str, pattern: Pattern) -> Path:
        """Where it lies, or where it should."""
        name = key.removesuffix(pattern.image)
        return self._there(key, pattern) or self.folder / f"{name}{pattern.label}.png"

    def spare(self, pairs: Sequence[Pair], keys: Iterable[str]) -> tuple[Path, ...]:
        """Label maps whose names come from no image's."""
        known = _names(keys)
        left = sorted(self.paths - {pair.label for pair in pairs})
        return tuple(path for path in left if not known & self.names_of(path))

    def passed_over(self, pairs: Sequence[Pair], keys: Iterable[str]) -> tuple[str, ...]:
        """What lies beside the label maps, of the same images, and is not read."""
        known = _names(keys)
        left = sorted(self.paths - {pair.label for pair in pairs})
        others = [path for path in left if known & self.names_of(path)]
        if not others:
            return ()
        example, rest = others[0].name, len(others) - 1
        more = f" and {rest} more like it" if rest else ""
        return (f"{self.folder} holds {example}{more}, which no image belongs to",)

    def _there(self, key: str, pattern: Pattern) -> Path | None:
        if pattern.image and not key.endswith(pattern.image):
            return None
        name = key.removesuffix(pattern.image)
        if (path := self._by_ending[pattern.label].get(name)) is not None:
            return path
        # Images in a folder a scene, all label maps in one: where only one is called so.
        same = self._by_stem[f"{name.rpartition('/')[2]}{pattern.label}"]
        flat = len(same) == 1 and "/" not in same[0] and "/" in name
        return self._by_ending[""][same[0]] if flat else None

    def names_of(
        self, label: Path, endings: Iterable[str] = (*LABEL_ENDINGS, *_OTHER_ENDINGS)
    ) -> set[str]:
        """The images' names that it may have been made from."""
        key = _key(label, self.folder)
        lower = key.lower()
        return {key[: len(key) - len(e)] for e in endings if lower.endswith(e.lower())}


def _names(keys: Iterable[str]) -> set[str]:
    return {key.removesuffix(ending) for key in keys for ending in IMAGE_ENDINGS}
