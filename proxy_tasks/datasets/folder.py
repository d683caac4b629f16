"""A user's own data: images and label maps, in the folders that the user has.

ROOT/classes.txt                    names of the classes, see proxy_tasks.datasets.classes
ROOT/{train,val,test}/images/...    or images/ and labels/ right below ROOT, or a folder a scene,
ROOT/{train,val,test}/labels/...    see proxy_tasks.datasets.layout, with a `SplitRule`

or wherever patterns say, see proxy_tasks.datasets.patterns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from proxy_tasks.datasets import layout
from proxy_tasks.datasets.base import IGNORE, PARTS, SPLITS, Colour, distinct_palette
from proxy_tasks.datasets.classes import ClassList, class_file, read_classes
from proxy_tasks.datasets.colours import colours_of, propose_values
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.files import FileDataset, existing
from proxy_tasks.datasets.labels import LabelCode, label_code, named_in
from proxy_tasks.datasets.layout import Layout
from proxy_tasks.datasets.listing import Listing, Listings, SplitRule
from proxy_tasks.datasets.patterns import by_patterns
from proxy_tasks.datasets.splits import divide
from search_space.errors import UserError


class Folder(FileDataset):
    """Images and label maps matched by file name.

    ``classes`` replaces classes.txt; ``ignore`` and ``values`` are as in `label_code`, and name the
    classes where nothing else does; ``images`` and ``labels`` are patterns. Raises UserError for a
    layout that does not hold.
    """

    def __init__(
        self,
        root: Path,
        classes: Sequence[str] | None = None,
        ignore: Sequence[int] | None = None,
        values: Mapping[str, str] | None = None,
        split: SplitRule | None = None,
        images: str | None = None,
        labels: str | None = None,
    ) -> None:
        root = existing(root, "your images and label maps, in train/ and val/ or to be split")
        found = laid_out(root, images, labels)
        listings = parted(root, found, split)
        listed = _class_list(root, found, classes, values)
        code = _code(listed, ignore, values, listings)
        super().__init__("folder", code, _palette(code), listings)
        self._remarks = (*([listed.remark] if listed.remark else []), *_unused(root, listings))

    def notes(self) -> tuple[str, ...]:
        return (*self._remarks, *super().notes())


def laid_out(root: Path, images: str | None = None, labels: str | None = None) -> Layout:
    """What lies under ``root``, by the patterns if there are any. Raises UserError."""
    if (images is None) != (labels is None):
        raise UserError("data.images and data.labels: give both patterns, or none")
    if images is not None and labels is not None:
        return by_patterns(root, images, labels)
    return layout.find(root)


def listed(root: Path) -> Listings:
    """Of folders for training and validation; a part that is missing is a fault of its own."""
    parts = layout.find(root).parts
    if parts is None:
        raise UserError(_unsplit(root, ()))
    there = {split: parts.get(split) or layout.missing_part(root, split) for split in SPLITS}
    return {**parts, **there}


def parted(root: Path, found: Layout, rule: SplitRule | None) -> Listings:
    """What a layout holds, split as its folders or the rule say. Raises UserError where neither
    does, or both do."""
    if found.parts is None:
        assert found.whole is not None
        if rule is None:
            raise UserError(_unsplit(root, found.scenes))
        return divide(found.whole, rule, root)
    if rule is None:
        there = {
            split: found.parts.get(split) or layout.missing_part(root, split) for split in SPLITS
        }
        return {**found.parts, **there}
    return _redivided(root, found.parts, rule)


def _redivided(root: Path, parts: Listings, rule: SplitRule) -> Listings:
    """Folds of what is in train/ and val/ together, or a validation set out of train/ where there
    is no val/; test/ stays what it is."""
    if rule.train is not None or ("test" in parts and rule.test is not None):
        raise UserError(f"{root} is split by its folders already: leave data.split out")
    if "val" in parts and rule.folds is None:
        raise UserError(
            f"{root} is split into train/ and val/ already: leave data.split out, or write"
            " data.split.folds to validate on all of it in turn"
        )
    together = layout.joined([_of_part(part, parts[part]) for part in SPLITS if part in parts])
    divided = divide(together if "val" in parts else parts["train"], rule, root)
    return {**divided, "test": parts["test"]} if "test" in parts else divided


def _of_part(part: str, listing: Listing) -> Listing:
    """With the part in each key: both may have images of one name."""
    pairs = tuple(pair._replace(key=f"{part}/{pair.name}") for pair in listing.pairs)
    return Listing(pairs, listing.faults, listing.spare, listing.remarks)


def _unsplit(root: Path, scenes: Sequence[str]) -> str:
    """What to write where nothing says what is validated on."""
    if len(scenes) > 1:
        return (
            f"{root} has {len(scenes)} scene folders but no train/ and val/: say what to validate"
            f" on, as in data.split.val: {scenes[-1]!r}, data.split.share: 0.2 (of whole scenes) or"
            f" data.split.folds: {min(5, len(scenes))}"
        )
    return (
        f"{root} has images but no train/ and val/: give data.split.share, as in 0.2, or the lists"
        " data.split.train and data.split.val, or data.split.folds, as in 5"
    )


def _unused(root: Path, listings: Listings) -> tuple[str, ...]:
    return layout.unused(root, [listings[part] for part in PARTS if part in listings])


def _class_list(
    root: Path,
    found: Layout,
    given: Sequence[str] | None,
    values: Mapping[str, str] | None,
) -> ClassList:
    path = class_file(root)
    if given is not None:
        return _checked(ClassList(tuple(given)), "data.classes")
    if values is not None and not path.exists():
        return _checked(ClassList(named_in(values)), "data.values")
    if not path.exists() and (proposal := propose_values(root, found.everything)):
        raise UserError(
            f"no {path}, and label maps are in colours ({proposal.reason}):"
            f" say what each means, as in {proposal.line()}"
        )
    return _checked(read_classes(path, mapped=values is not None), str(path))


def _checked(found: ClassList, source: str) -> ClassList:
    names = found.names
    if not 2 <= len(names) <= IGNORE:
        raise UserError(f"{source}: 2 to {IGNORE} class names are needed, not {len(names)}")
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"{source}: the class {twice[0]!r} is listed twice; names must differ")
    return found


def _code(
    found: ClassList,
    ignore: Sequence[int] | None,
    values: Mapping[str, str] | None,
    listings: Listings,
) -> LabelCode:
    """What the user says comes before what the file of classes does."""
    if values is not None:
        return label_code(found.names, ignore, values)
    if found.colours is not None and _is_coloured(listings, found.colours):
        return label_code(found.names, None, found.colours)
    void = found.ignore if ignore is None else ignore
    return label_code(found.names, void, found.values)


def _is_coloured(listings: Listings, colours: Mapping[str, str]) -> bool:
    """Whether the first label map shows colours, not indices: a palette image may be either."""
    for part in PARTS:
        for pair in listings.get(part, Listing()).pairs:
            try:
                shown = colours_of(pair.label)
            except Fault:
                continue
            return shown is not None and (not shown.indexed or {*shown.counts} <= {*colours})
    return False


def _palette(code: LabelCode) -> tuple[Colour, ...]:
    """A class that label maps show in colours keeps the first of them."""
    palette = dict(enumerate(distinct_palette(len(code.classes))))
    if code.colours and code.values:
        for colour, index in reversed(list(code.values.items())):
            if index != IGNORE:
                palette[index] = (colour >> 16, colour >> 8 & 255, colour & 255)
    return tuple(palette.values())
