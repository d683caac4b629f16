"""A user's own data: images and label maps, already split or split by lists or by share.

ROOT/classes.txt                    one class name a line, in the order of the label values
ROOT/{train,val}/images/NAME.jpg    or .jpeg .png .bmp .tif .tiff .webp
ROOT/{train,val}/labels/NAME.png    one channel (grey or palette), value = class index

or, with a `SplitRule`, ROOT/images/ and ROOT/labels/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from proxy_tasks.datasets.base import IGNORE, SPLITS, Colour, distinct_palette
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.files import FileDataset, existing
from proxy_tasks.datasets.labels import LabelCode, label_code, named_in
from proxy_tasks.datasets.listing import (
    Listing,
    Listings,
    SplitRule,
    image_name,
    match,
    read_lines,
    split_by_names,
    split_by_share,
)
from search_space.errors import UserError


class Folder(FileDataset):
    """Images and label maps matched by file name.

    ``classes`` replaces classes.txt; ``ignore`` and ``values`` are as in `label_code`, and name the
    classes where nothing else does. Raises UserError for a layout that does not hold.
    """

    def __init__(
        self,
        root: Path,
        classes: Sequence[str] | None = None,
        ignore: Sequence[int] | None = None,
        values: Mapping[str, str] | None = None,
        split: SplitRule | None = None,
    ) -> None:
        root = existing(root, "train/ and val/")
        code = label_code(_class_names(root, classes, values), ignore, values)
        listings = listed(root) if split is None else _split(root, split)
        super().__init__("folder", code, _palette(code), listings)


def listed(root: Path) -> Listings:
    """Of ROOT/{train,val}/{images,labels}."""
    if not (root / "train").exists() and (root / "images").is_dir():
        raise UserError(
            f"{root} has images/ but no train/ and val/: give data.split.share, as in 0.2, or the"
            " lists data.split.train and data.split.val"
        )
    return {split: _match_split(root / split) for split in SPLITS}


def _match_split(folder: Path) -> Listing:
    if not folder.is_dir():
        what = "is missing: expected train/ and val/, each with images/ and labels/"
        return Listing(faults=(Fault(folder, what),))
    return match(folder / "images", folder / "labels")


def _split(root: Path, rule: SplitRule) -> Listings:
    if not (root / "images").is_dir() and (root / "train").is_dir():
        raise UserError(f"{root} is split into train/ and val/ already: leave data.split out")
    whole = match(root / "images", root / "labels")
    if rule.share is not None and rule.train is None and rule.val is None:
        return split_by_share(whole, rule.share, root / "images")
    if rule.train is None or rule.val is None or rule.share is not None:
        raise UserError("data.split: give either share, or both of the lists train and val")
    lists = {split: root / name for split, name in zip(SPLITS, (rule.train, rule.val), strict=True)}
    return split_by_names(whole, {split: (path, _names(path)) for split, path in lists.items()})


def _palette(code: LabelCode) -> tuple[Colour, ...]:
    """A class that label maps show in colours keeps the first of them."""
    palette = dict(enumerate(distinct_palette(len(code.classes))))
    if code.colours and code.values:
        for colour, index in reversed(list(code.values.items())):
            if index != IGNORE:
                palette[index] = (colour >> 16, colour >> 8 & 255, colour & 255)
    return tuple(palette.values())


def _names(path: Path) -> tuple[str, ...]:
    return tuple(map(image_name, read_lines(path, "write one name of an image a line")))


def _class_names(
    root: Path, given: Sequence[str] | None, values: Mapping[str, str] | None
) -> tuple[str, ...]:
    path = root / "classes.txt"
    if given is not None:
        return _checked(given, "data.classes")
    if values is not None and not path.exists():
        return _checked(named_in(values), "data.values")
    advice = "write one class name a line, in the order of the label values"
    return _checked(read_lines(path, advice), str(path))


def _checked(classes: Sequence[str], source: str) -> tuple[str, ...]:
    if not 2 <= len(classes) <= IGNORE:
        raise UserError(f"{source}: 2 to {IGNORE} class names are needed, not {len(classes)}")
    if twice := [name for name in classes if classes.count(name) > 1]:
        raise UserError(f"{source}: the class {twice[0]!r} stands twice; names must differ")
    return tuple(classes)
