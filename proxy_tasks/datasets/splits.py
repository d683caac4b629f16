"""What to train, to validate and to test on, of images that are not split by their folders."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from proxy_tasks.datasets.base import PARTS, Split
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.listing import (
    IMAGE_SUFFIXES,
    Listing,
    Listings,
    Names,
    Pair,
    SplitRule,
    image_name,
    read_lines,
    refuse_overlap,
)
from search_space.errors import UserError

_SHOWN = 8
_LISTS = (".txt", ".lst", ".csv")


def divide(whole: Listing, rule: SplitRule, root: Path) -> Listings:
    """``whole`` parted as the rule says; names in it are relative to ``root``.

    Scenes go to one side whole. With folds, val is train. Raises UserError for a rule that says
    too much or too little, and for names of nothing.
    """
    _refuse(rule)
    if not whole.pairs:
        return {"train": whole, "val": Listing(), "test": Listing()}
    finder = _Finder(whole, root)
    named = {part: finder.named(part, names) for part in PARTS if (names := getattr(rule, part))}
    refuse_overlap({part: (it.source, [p.name for p in it.pairs]) for part, it in named.items()})
    taken = {pair for picked in named.values() for pair in picked.pairs}
    rest = tuple(pair for pair in whole.pairs if pair not in taken)
    train = named["train"].pairs if "train" in named else rest
    val = named["val"].pairs if "val" in named else ()
    if rule.share is not None:
        train, val = by_share(train, rule.share)
    elif rule.folds is not None:
        folds([pair.group for pair in train], [pair.name for pair in train], rule.folds)
        val = train
    faults = _faults(whole, rule, named, root, {"train": train, "val": val})
    test = named["test"].pairs if "test" in named else ()
    return {
        "train": Listing(train, faults, whole.spare, whole.remarks),
        "val": Listing(val),
        "test": Listing(test),
    }


def by_share(pairs: Sequence[Pair], share: float) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """Those to train on and the ``share`` to validate on.

    Images of no scene go by a hash of their names: each stays where it is when others come or go,
    and the share is met up to chance. Scenes go by theirs too, whole: the first of them until the
    share is met, at least one, never all. A single scene is parted as if it were none.
    """
    scenes = Counter(pair.group for pair in pairs if pair.group)
    one = len({pair.group for pair in pairs}) == 1
    chosen = set() if one else _scenes_of_share(scenes, share)
    val = {
        place
        for place, pair in enumerate(pairs)
        if (pair.group in chosen if pair.group and not one else _place(pair.name) < share)
    }
    return (
        tuple(pair for place, pair in enumerate(pairs) if place not in val),
        tuple(pair for place, pair in enumerate(pairs) if place in val),
    )


def folds(groups: Sequence[str], names: Sequence[str], k: int) -> list[int]:
    """The fold, 0 to k - 1, of each image: its scene's in ``groups``, empty where it has none, and
    its name's in ``names``.

    The largest scene goes to the smallest fold, then the next one; images of no scene go singly, in
    the order of a hash of their names. A single scene is parted as if it were none. Raises
    UserError for fewer than two folds, or more than there are scenes.
    """
    if len({*groups}) == 1:
        groups = [""] * len(groups)
    units: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, (group, name) in enumerate(zip(groups, names, strict=True)):
        units[group, "" if group else name].append(place)
    if not 2 <= k <= len(units):
        what = "scenes" if any(groups) else "images"
        raise UserError(
            f"data.split.folds: {k} needs as many {what}, and there"
            f" {'is' if len(units) == 1 else 'are'} {len(units)}"
        )
    found, sizes = [0] * len(names), [0] * k
    for unit in sorted(units, key=lambda unit: (-len(units[unit]), _place("/".join(unit)))):
        smallest = sizes.index(min(sizes))
        sizes[smallest] += len(units[unit])
        for place in units[unit]:
            found[place] = smallest
    return found


class _Picked(NamedTuple):
    """Pairs by names; ``source`` is what names them."""

    source: Path | str
    pairs: tuple[Pair, ...]
    faults: tuple[Fault, ...]


class _Finder:
    """Images by scene folders, patterns, and names of whatever length."""

    def __init__(self, whole: Listing, root: Path) -> None:
        self.whole, self.root = whole, root
        self._unlabelled = {_key(fault.path, root): fault for fault in whole.faults}
        self._by_name: dict[str, list[Pair]] = defaultdict(list)
        for pair in whole.pairs:
            names = {pair.image.stem, pair.name, _key(pair.image, root)}
            for name in names:
                self._by_name[name].append(pair)

    def named(self, part: Split, names: Names) -> _Picked:
        """Raises UserError for what is nothing, or a list that is not there."""
        assert names is not None
        items = (names,) if isinstance(names, str) else names
        picked = [self._of(part, item) for item in items]
        pairs = dict.fromkeys(pair for each in picked for pair in each.pairs)
        faults = tuple(fault for each in picked for fault in each.faults)
        return _Picked(picked[0].source, tuple(pairs), faults)

    def _of(self, part: Split, item: str) -> _Picked:
        path = self.root / item
        is_image = path.suffix.lower() in IMAGE_SUFFIXES
        if path.suffix.lower() in _LISTS or (path.is_file() and not is_image):
            return self._listed(path)
        found = self._scene(item) or self._pattern(item) or self._called(item)
        if not found:
            scenes = ", ".join(sorted({pair.group for pair in self.whole.pairs if pair.group})[:8])
            there = f"; scenes are {scenes}" if scenes else ""
            raise UserError(
                f"data.split.{part}: {item!r} is no scene folder, no pattern of image paths and no"
                f" list of names (.txt) below {self.root}{there}"
            )
        return _Picked(f"data.split.{part}", tuple(found), ())

    def _listed(self, source: Path) -> _Picked:
        lines = dict.fromkeys(read_lines(source, "write the name of one image per line"))
        pairs: list[Pair] = []
        faults: list[Fault] = []
        absent: list[str] = []
        for line in lines:
            found = self._scene(line) or self._called(line)
            if len(found) > 1 and not self._scene(line):
                what = (
                    f"names {line!r}, which {len(found)} images are called: write {found[0].name}"
                )
                faults.append(Fault(source, what))
            elif found:
                pairs += found
            elif fault := self._without_labels(line):
                faults.append(fault)
            else:
                absent.append(image_name(line))
        if absent:
            faults.append(_absent(source, absent))
        if not lines:
            faults.append(Fault(source, "names no images"))
        return _Picked(source, tuple(pairs), tuple(faults))

    def _scene(self, item: str) -> list[Pair]:
        name = item.strip("/")
        return [p for p in self.whole.pairs if p.group == name or p.group.startswith(f"{name}/")]

    def _pattern(self, item: str) -> list[Pair]:
        return [
            pair
            for pair in self.whole.pairs
            if fnmatchcase(_relative(pair.image, self.root), item) or fnmatchcase(pair.name, item)
        ]

    def _called(self, line: str) -> list[Pair]:
        path = Path(line)
        short = path.with_suffix("") if path.suffix.lower() in IMAGE_SUFFIXES else path
        keys = (line, short.as_posix(), image_name(line))
        return next((self._by_name[key] for key in keys if key in self._by_name), [])

    def _without_labels(self, line: str) -> Fault | None:
        name = image_name(line)
        return next((f for key, f in self._unlabelled.items() if key.split("/")[-1] == name), None)


def _absent(source: Path, names: Sequence[str]) -> Fault:
    shown = ", ".join(map(repr, names[:_SHOWN]))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return Fault(source, f"has {shown}{more}, but no image has this name", number=len(names))


def _refuse(rule: SplitRule) -> None:
    ways = [way for way in ("val", "share", "folds") if getattr(rule, way) is not None]
    if len(ways) != 1:
        said = f", not {' and '.join(ways)}" if ways else ""
        raise UserError(f"data.split: say what to validate on: one of val, share and folds{said}")


def _faults(
    whole: Listing,
    rule: SplitRule,
    named: dict[Split, _Picked],
    root: Path,
    parts: dict[Split, tuple[Pair, ...]],
) -> tuple[Fault, ...]:
    """Each once: of unlabelled images, of lists, and of parts that are left empty."""
    faults = list(() if rule.train else whole.faults)
    for picked in named.values():
        faults += [fault for fault in picked.faults if fault not in faults]
    empty = [part for part, pairs in parts.items() if not pairs]
    if empty and not faults:
        said = "share" if rule.share is not None else "val"
        what = f"{', '.join(empty)}: data.split.{said} leaves no images for it; change it"
        faults.append(Fault(root, what))
    return tuple(faults)


def _scenes_of_share(scenes: Counter[str], share: float) -> set[str]:
    """In the order of a hash of their names, those that bring the number of images nearer to the
    share; the smallest where none does. Never all."""
    chosen: set[str] = set()
    wanted, held = share * sum(scenes.values()), 0
    for scene in sorted(scenes, key=_place):
        if held + scenes[scene] / 2 <= wanted and len(chosen) + 1 < len(scenes):
            chosen.add(scene)
            held += scenes[scene]
    return chosen or {min(scenes, key=lambda scene: (scenes[scene], _place(scene)))}


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _key(path: Path, root: Path) -> str:
    return Path(_relative(path, root)).with_suffix("").as_posix()


def _place(name: str) -> float:
    """In [0, 1), uniform over names."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
