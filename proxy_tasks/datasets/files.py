"""A data set that lies in files: pairs of an image and a label map."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from proxy_tasks.datasets import binary
from proxy_tasks.datasets.base import PARTS, Colour, Pixels, Raster, Split
from proxy_tasks.datasets.digests import Digests
from proxy_tasks.datasets.faults import Fault, Faults, systematic
from proxy_tasks.datasets.images import Header, read_header, read_image
from proxy_tasks.datasets.labels import LabelCode
from proxy_tasks.datasets.listing import Listing, Listings, Pair
from proxy_tasks.datasets.splits import folds
from proxy_tasks.datasets.upright import (
    Exif,
    checked,
    is_untold,
    note,
    told_by_sizes,
    untold,
    upright,
)
from search_space.errors import UserError
from search_space.files import at_home

Result = TypeVar("Result")


class FileDataset:
    """Reads no pixels until asked. What is missing stands in ``faults``; the label maps that no
    image goes with, in ``spare``."""

    def __init__(
        self, name: str, code: LabelCode, palette: Sequence[Colour], listings: Listings
    ) -> None:
        self.name, self.classes, self.palette = name, code.classes, tuple(palette)
        self._code = code
        self._listings = {part: listings.get(part, Listing()) for part in PARTS}
        # With folds, val has train's images: what is wrong with them is said once.
        told = dict.fromkeys(self._listings[part] for part in PARTS)
        self._unlabelled_test = len(self._listings["test"].faults)
        if self._listings["test"].pairs or not self._unlabelled_test:
            self._unlabelled_test = 0
        else:  # as published sets have it: nothing is missing to train
            told.pop(self._listings["test"])
        self.faults = tuple(fault for listing in told for fault in listing.faults)
        self.spare = tuple(path for listing in told for path in listing.spare)
        self.exif: Exif | None = None
        self._root = _common_folder(self._pairs())
        self._folds: int | None = None
        self._digests = Digests()

    def configure(
        self,
        root: Path | str | None = None,
        exif: str | None = None,
        folds: int | None = None,
        cache: Path | str | None = None,
    ) -> None:
        """What does not say which files there are: the folder that their names begin at, on what
        label maps were drawn where EXIF turns an image, in how many folds train is validated on,
        and where digests are kept. Raises UserError."""
        self._root = self._root if root is None else at_home(Path(root))
        self.exif, self._folds = checked(exif), folds
        self._digests = Digests(Path(cache) if cache else None)

    def refuse_faults(self) -> None:
        """Raises Faults where files are missing, or a first look at some shows that the whole set
        is not what it seems."""
        if found := [*self.faults, *self.first_look()]:
            raise Faults(found)

    def first_look(self) -> list[Fault]:
        """What a few headers and label maps show of the whole set, a line a kind: images of several
        kinds, photographs that EXIF turns nobody knows how, masks of 0 and 255."""
        return systematic([*self._of_headers(), *self.whole_faults()])

    def whole_faults(self) -> list[Fault]:
        """What is wrong with the set though each of its files is right."""
        return binary.faults(self._pairs(), self._code)

    def notes(self) -> tuple[str, ...]:
        """What was assumed, a line each."""
        told = dict.fromkeys(self._listings[part] for part in PARTS)
        remarks = (remark for listing in told for remark in listing.remarks)
        if self._unlabelled_test:
            alone = f"the test part has no labels ({self._unlabelled_test} images): it is left out"
            return (*remarks, alone, *note(self._pairs(), self.exif))
        return (*remarks, *note(self._pairs(), self.exif))

    @property
    def channels(self) -> int:
        """As most images have."""
        return self._usual[0]

    @property
    def depth(self) -> int:
        """As most images have."""
        return self._usual[1]

    @cached_property
    def folds(self) -> tuple[int, ...]:
        """By the scenes of the images."""
        pairs = self._listings["train"].pairs
        if self._folds is None or not pairs:  # what is missing is told of as a fault
            return ()
        groups, names = [pair.group for pair in pairs], [pair.name for pair in pairs]
        return tuple(folds(groups, names, self._folds))

    def count(self, split: Split) -> int:
        return len(self._listings[split].pairs)

    def load(self, split: Split, index: int) -> tuple[Raster, Pixels]:
        """Raises Faults naming the files that are unreadable or do not fit."""
        pair = self._listings[split].pairs[index]
        faults: list[Fault] = []
        header = _attempt(lambda: read_header(pair.image), faults)
        image = _attempt(lambda: read_image(pair.image), faults) if header else None
        shape = None if image is None else (image.shape[0], image.shape[1])
        labels = _attempt(lambda: self.read_labels(pair, shape), faults)
        if header and labels is not None:
            drawn, found = self._drawn_on(header), labels
            labels = _attempt(lambda: upright(found, pair.image, header, drawn), faults)
            faults += self._misfits(pair, header, labels)
        if image is None or labels is None or faults:
            raise Faults(faults)
        return image, labels

    def read_labels(self, pair: Pair, image_size: tuple[int, int] | None) -> Pixels:
        """The label map (H, W) of a pair. ``image_size`` is the (height, width) of its image as it
        is looked at, None where the image cannot be read. Raises Fault."""
        return self.code_of(pair.label).read(pair.label)

    def image_name(self, split: Split, index: int) -> str:
        """The file's, without its suffix; with its folders where another has that name too."""
        return self._names[self._listings[split].pairs[index].image]

    def group(self, split: Split, index: int) -> str:
        return self._listings[split].pairs[index].group

    def code_of(self, label: Path) -> LabelCode:
        """What the values of this label map mean."""
        return self._code

    def pairs(self, split: Split) -> tuple[Pair, ...]:
        """The files of a split."""
        return self._listings[split].pairs

    def fingerprint(self, split: Split) -> str:
        """From the names and the content of the files, the classes and what label values mean;
        where they lie does not matter."""
        digest = hashlib.sha256(repr((self._code.identity, self.exif)).encode())
        for name, content in self.digests(split).items():
            digest.update(f"{name}\0{content}\n".encode())
        return digest.hexdigest()[:16]

    def digests(self, split: Split) -> dict[str, str]:
        """What each file of a split holds, by its path below the root: images and label maps in
        turn. Raises UserError for one that cannot be read."""
        paths = [path for pair in self.pairs(split) for path in (pair.image, pair.label)]
        found = self._digests.of(paths)
        return {self._relative(path): digest for path, digest in found.items()}

    def _relative(self, path: Path) -> str:
        return Path(os.path.relpath(path, self._root)).as_posix()

    def _pairs(self) -> list[Pair]:
        """Of all parts, each once."""
        return [*dict.fromkeys(pair for part in PARTS for pair in self._listings[part].pairs)]

    @cached_property
    def _headers(self) -> dict[Path, Header]:
        """Of images evenly spaced, without those that cannot be read: that is told where they
        are."""
        found = {}
        for pair in binary.some(self._pairs()):
            with suppress(Fault):
                found[pair.image] = read_header(pair.image)
        return found

    @cached_property
    def _usual(self) -> tuple[int, int]:
        """Channels and bits of most images."""
        kinds = Counter((each.channels, each.depth) for each in self._headers.values())
        return kinds.most_common(1)[0][0] if kinds else (3, 8)

    @cached_property
    def _names(self) -> dict[Path, str]:
        keys: dict[str, set[str]] = defaultdict(set)
        for pair in self._pairs():
            keys[pair.image.stem].add(pair.name)
        names = {
            pair.image: pair.image.stem
            if len(keys[pair.image.stem]) == 1
            else pair.name.replace("/", "__")
            for pair in self._pairs()
        }
        return _told_apart(names, [self._listings[part].pairs for part in PARTS])

    @cached_property
    def _told_exif(self) -> Exif | None:
        return told_by_sizes(self._pairs())

    def _drawn_on(self, header: Header) -> Exif | None:
        if header.orientation == 1 or self.exif:
            return self.exif
        return self._told_exif

    def _misfits(self, pair: Pair, header: Header, labels: Pixels | None) -> list[Fault]:
        faults: list[Fault] = []
        if (header.channels, header.depth) != self._usual:
            faults.append(_other_kind(pair.image, header, self._usual))
        if labels is not None and labels.shape != header.turned_size:
            faults.append(_other_size(pair, header, labels))
        return faults

    def _of_headers(self) -> list[Fault]:
        faults: list[Fault] = []
        for image, header in self._headers.items():
            if (header.channels, header.depth) != self._usual:
                faults.append(_other_kind(image, header, self._usual))
            if is_untold(header) and self._drawn_on(header) is None:
                faults.append(untold(image))
        return faults


def existing(root: Path, holds: str) -> Path:
    """``root`` with ``~`` resolved. UserError where it is no folder; ``holds`` says what it is."""
    if not (path := at_home(root)).is_dir():
        raise UserError(f"no folder {path}: give the folder that holds {holds}")
    return path


def _common_folder(pairs: Iterable[Pair]) -> Path:
    folders = {str(path.parent) for pair in pairs for path in (pair.image, pair.label)}
    return Path(os.path.commonpath(folders)) if folders else Path()


def _told_apart(names: dict[Path, str], parts: Iterable[Sequence[Pair]]) -> dict[Path, str]:
    """With a number where two of a part still have one name, as a/b and a__b."""
    for pairs in parts:
        seen: Counter[str] = Counter()
        for pair in pairs:
            name = names[pair.image]
            seen[name] += 1
            if seen[name] > 1:
                names[pair.image] = f"{name}__{seen[name]}"
    return names


def _attempt(read: Callable[[], Result], faults: list[Fault]) -> Result | None:
    try:
        return read()
    except Fault as fault:
        faults.append(fault)
        return None


def _other_size(pair: Pair, header: Header, labels: Pixels) -> Fault:
    same = "an image and its labels must have the same size"
    height, width = header.turned_size
    return Fault(
        pair.label,
        f"is {labels.shape[0]}x{labels.shape[1]} but {pair.image.name} is {height}x{width}: {same}",
        kind="size",
        summary="have another size than their images",
        mend=same,
    )


def _other_kind(image: Path, header: Header, usual: tuple[int, int]) -> Fault:
    others = f"most images have {usual[0]} channels of {usual[1]} bits"
    return Fault(
        image,
        f"has {header.channels} channels of {header.depth} bits but {others}: convert it",
        kind="channels",
        summary=f"have other channels or bits than the others: {others}",
        mend="convert them, or leave them out",
    )
