"""Where images and label maps lie under a root, found by the names of folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from proxy_tasks.datasets.base import PARTS, Split
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.listing import IMAGE_SUFFIXES, Listing, walk
from proxy_tasks.datasets.matching import match, match_beside
from search_space.errors import UserError

IMAGE_FOLDERS = ("images", "image", "img", "imgs", "jpegimages", "rgb")
LABEL_FOLDERS = (
    "labels", "label", "masks", "mask", "annotations", "gt", "segmentationclass", "groundtruth",
    "ground_truth",
)  # fmt: skip
PART_FOLDERS: Mapping[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
_LABELS_OF = ("annot", "_labels", "_masks", "_label", "_mask")
"""After the name of a part's folder: where its label maps lie, as in train/ and train_labels/."""
_DEPTH = 4


@dataclass(frozen=True)
class Layout:
    """``parts``: what lies in folders for training, validation and test; ``whole``: what is still
    to be split. One of them is there."""

    parts: Mapping[Split, Listing] | None = None
    whole: Listing | None = None

    @property
    def everything(self) -> Listing:
        """All parts as one."""
        return joined([*(self.parts or {}).values(), *([self.whole] if self.whole else [])])

    @property
    def scenes(self) -> tuple[str, ...]:
        """Names of the scene folders."""
        return tuple(sorted({pair.group for pair in self.everything.pairs if pair.group}))


def find(root: Path) -> Layout:
    """The first that holds of: a folder a part; images and label maps in two folders; two such
    folders a scene; label maps beside the images. Raises UserError where none does."""
    if parts := part_folders(root):
        return Layout({part: _part(root, folder) for part, folder in parts.items()})
    if (home := _home(root)) and (parts := part_folders(home[0])):
        return Layout({part: _twin(folder, *home) for part, folder in parts.items()})
    whole = _whole(root)
    if whole is None and (alone := _named(root, IMAGE_FOLDERS)):
        whole = match(alone, root / "labels")
    if whole is None:
        raise UserError(_nothing(root))
    return Layout(whole=whole)


def part_folders(root: Path) -> dict[Split, Path]:
    """Those that lie there, if one is for training."""
    there = {folder.name.lower(): folder for folder in _folders(root)}
    found = {
        part: there[name] for part in PARTS for name in PART_FOLDERS[part][::-1] if name in there
    }
    return found if "train" in found else {}


def unused(root: Path, listings: Iterable[Listing]) -> tuple[str, ...]:
    """A remark for each folder under the root with images that belong to nothing."""
    used: set[Path] = set()
    for listing in listings:
        used.update(chain.from_iterable((pair.image, pair.label) for pair in listing.pairs))
        used.update(listing.spare, (fault.path for fault in listing.faults))
    homes = {path.parent for path in used}
    counts: dict[Path, int] = {}
    for path in walk(root):
        if path.suffix.lower() in IMAGE_SUFFIXES and path.parent not in homes:
            counts[path.parent] = counts.get(path.parent, 0) + 1
    return tuple(
        f"{folder} has {number} images that are not used" for folder, number in counts.items()
    )


def _part(root: Path, folder: Path) -> Listing:
    if found := _whole(folder):
        return found
    for ending in _LABELS_OF:
        if (beside := root / f"{folder.name}{ending}").is_dir():
            return match(folder, beside)
    images, labels = _named(folder, IMAGE_FOLDERS), _named(folder, LABEL_FOLDERS)
    return match(images or folder / "images", labels or folder / "labels")


def _twin(part: Path, images: Path, labels: Path) -> Listing:
    """Of images/train and labels/train."""
    return match(part, labels / part.relative_to(images))


def _whole(root: Path) -> Listing | None:
    if home := _home(root):
        return match(*home)
    if scenes := [*_homes(root, _DEPTH)]:
        found = [(_home(scene), scene.relative_to(root).as_posix()) for scene in scenes]
        return joined([match(*home, group) for home, group in found if home])
    return match_beside(root)


def joined(listings: Sequence[Listing]) -> Listing:
    """As one."""
    pairs = tuple(chain.from_iterable(each.pairs for each in listings))
    faults = tuple(chain.from_iterable(each.faults for each in listings))
    spare = tuple(chain.from_iterable(each.spare for each in listings))
    remarks = tuple(chain.from_iterable(each.remarks for each in listings))
    return Listing(pairs, faults, spare, remarks)


def _home(folder: Path) -> tuple[Path, Path] | None:
    """Its folder of images and that of label maps, where it has both."""
    images, labels = _named(folder, IMAGE_FOLDERS), _named(folder, LABEL_FOLDERS)
    return (images, labels) if images and labels else None


def _homes(root: Path, depth: int) -> Iterator[Path]:
    for folder in _folders(root):
        if _home(folder):
            yield folder
        elif depth > 1:
            yield from _homes(folder, depth - 1)


def _named(folder: Path, names: Sequence[str]) -> Path | None:
    there = {path.name.lower(): path for path in _folders(folder)}
    return next((there[name] for name in names if name in there), None)


def _folders(folder: Path) -> list[Path]:
    try:
        found = [path for path in folder.iterdir() if path.is_dir()]
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}") from error
    return sorted(path for path in found if not path.name.startswith((".", "__MACOSX")))


def _nothing(root: Path) -> str:
    there = ", ".join(sorted(path.name for path in root.iterdir())[:6]) or "nothing"
    return (
        f"{root} holds no images with label maps: looked for images/ and labels/ (or masks/, gt/"
        " and such) in it, in train/ and val/, and in scene folders, and for NAME_mask.png"
        f" beside NAME.jpg; there is {there}. Say where they are, as in"
        " data.images: '*/photos/*.jpg' and data.labels: '{dir}/../drawn/{name}.png'"
    )


def missing_part(root: Path, part: Split) -> Listing:
    """For a part that has to be there."""
    what = "is missing: expected train/ and val/, each with images/ and labels/"
    return Listing(faults=(Fault(root / part, what),))
