"""Which part each image stands in: as the tool's files say, or still to be split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from proxy_tasks.datasets.annotations.names import part_called
from proxy_tasks.datasets.annotations.reading import Picture
from proxy_tasks.datasets.base import PARTS, Split
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.folder import parted
from proxy_tasks.datasets.layout import IMAGE_FOLDERS, LABEL_FOLDERS, Layout
from proxy_tasks.datasets.listing import Listing, Listings, Pair, SplitRule, refuse_overlap
from search_space.errors import UserError


def layout(pictures: Sequence[Picture], root: Path) -> Layout:
    """The tool's own parts where it has some to train on; else all as one. Raises UserError for an
    image in two parts."""
    by_part: dict[Split | None, list[Picture]] = defaultdict(list)
    for picture in pictures:
        by_part[picture.part].append(picture)
    own = {part: by_part[part] for part in PARTS if part in by_part}
    if None in by_part and "test" in own:
        first = by_part[None][0]
        raise UserError(
            f"{first.source} does not say which part {first.image.name} and"
            f" {len(by_part[None]) - 1} more are in, but {own['test'][0].source} has a test part:"
            " put these images into train or val, or leave them out"
        )
    if None in by_part or not {"val", "test"} & own.keys() or "train" not in own:
        return Layout(whole=_listing(pictures, root))
    refuse_overlap({part: (part, [str(p.image) for p in of]) for part, of in own.items()})
    return Layout({part: _listing(inside, root) for part, inside in own.items()})


def split(pictures: Sequence[Picture], rule: SplitRule | None, root: Path) -> Listings:
    """As the tool's files or the rule say. Raises UserError where neither does, or both do."""
    found = layout(pictures, root)
    if found.parts and "val" not in found.parts and rule is None:
        raise UserError(f"{root} has nothing to validate on: give data.split.share, as in 0.2")
    return parted(root, found, rule)


def _listing(pictures: Sequence[Picture], root: Path) -> Listing:
    pairs: dict[str, Pair] = {}
    faults = []
    for picture in pictures:
        group, key = _place(picture.image, root)
        pair = Pair(picture.image, picture.source, group, key)
        if (first := pairs.setdefault(key, pair)) is not pair:
            faults.append(_twice(first, pair))
    return Listing(tuple(pairs.values()), tuple(faults))


def _place(image: Path, root: Path) -> tuple[str, str]:
    """Its scene, the folders that it lies in but for those that every tool makes, and its key."""
    folders = image.relative_to(root).parts[:-1] if image.is_relative_to(root) else ()
    own = (*IMAGE_FOLDERS, *LABEL_FOLDERS, "data")
    group = "/".join(name for name in folders if name.lower() not in own and not part_called(name))
    return group, f"{group}/{image.stem}" if group else image.stem


def _twice(first: Pair, second: Pair) -> Fault:
    if first.image == second.image:
        what = f"is annotated twice, in {first.label.name} and {second.label.name}: remove one"
    else:
        what = f"and {first.image} have one name: rename one of them"
    return Fault(second.image, what, kind="one name", summary="have the name of another image")
