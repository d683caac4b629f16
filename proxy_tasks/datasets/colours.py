"""Which colours or values label maps have, and what files beside them call those.

`propose_values` makes a value map of both, for a person or a plan to paste.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from proxy_tasks.datasets.classes import read_classes
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.images import colour_text, colours_in, read_values
from proxy_tasks.datasets.labels import VOID
from proxy_tasks.datasets.listing import Listing, Pair
from search_space.errors import UserError

MANY = 256
"""Colours in a label map from which on it is a photograph or a JPEG, not a label map."""
RARE = 1e-4
"""Share of all pixels below which a colour is taken for a slip of the brush."""

_VOID_NAMES = frozenset({"void", "unlabeled", "unlabelled", "ignore", "__ignore__"})


@dataclass(frozen=True)
class Shown:
    """Pixels by colour (``128 64 128``) or by value (``7``); ``indexed`` says that an image with a
    palette has both."""

    counts: Mapping[str, int]
    indexed: bool = False


@dataclass(frozen=True)
class Proposal:
    """``values`` is ready for data.values; ``sure`` where its names come from ``source``, whose
    colours are those of the label maps. ``shares`` of all pixels and in how many label ``maps``, by
    colour."""

    values: Mapping[str, str]
    shares: Mapping[str, float]
    maps: Mapping[str, int]
    sure: bool
    reason: str
    source: Path | None = None

    def yaml(self) -> str:
        """To be pasted: a ``data`` section with the share of each colour beside it."""
        width = max(len(f"{key}: {name}") for key, name in self.values.items())
        rows = (
            f"    {f'{key}: {name}':{width}}  # {100 * self.shares.get(key, 0):.3g} % of pixels,"
            f" in {self.maps.get(key, 0)} label maps"
            for key, name in self.values.items()
        )
        return "\n".join(["data:", "  values:", *rows])

    def line(self) -> str:
        """To be pasted: the same in one line."""
        return (
            f"data.values: {{{', '.join(f'{key}: {name}' for key, name in self.values.items())}}}"
        )


def colours_of(label: Path) -> Shown | None:
    """Of one label map; None where it has one grey channel, whose values are indices. Raises
    Fault."""
    if (found := colours_in(label)) is None:
        return None
    colours, indexed = found
    return Shown({colour_text(colour): number for colour, number in colours.items()}, indexed)


def colours_found(pairs: Iterable[Pair]) -> tuple[Counter[str], Counter[str]]:
    """Pixels, and label maps, by colour over all of them; by value where all of them have one grey
    channel. Those that cannot be read are left out."""
    coloured: list[Mapping[str, int]] = []
    grey: list[Mapping[str, int]] = []
    for pair in pairs:
        try:
            shown = colours_of(pair.label)
            if shown is None:
                grey.append(_values(pair.label))
            else:
                coloured.append(shown.counts)
        except Fault:
            continue
    if coloured:  # grey ones among them show colours too
        coloured += [{f"{v} {v} {v}": n for v, n in each.items()} for each in grey]
    pixels: Counter[str] = Counter()
    maps: Counter[str] = Counter()
    for each in coloured or grey:
        pixels.update(each)
        maps.update(dict.fromkeys(each, 1))
    return pixels, maps


def propose_values(root: Path, listing: Listing) -> Proposal | None:
    """What the colours of the label maps may mean: as a file in ``root`` says, if its colours are
    theirs; else a template, in which classes are to be named. None where label maps have one
    channel or more than `MANY` colours."""
    if all(_is_grey(pair) for pair in listing.pairs[:MANY]):
        return None
    pixels, maps = colours_found(listing.pairs)
    if not pixels or len(pixels) > MANY:
        return None
    total = sum(pixels.values())
    shares = {colour: number / total for colour, number in pixels.most_common()}
    usual = {colour for colour, share in shares.items() if share >= RARE}
    named = [*_named(root)]
    for path, names in named:
        if usual <= {*names}:
            return _of_names(path, names, shares, maps)
    reason = f"{root} has no file that names these colours"
    if named:
        path, names = max(named, key=lambda each: len(usual & {*each[1]}))
        here = len(usual & {*names})
        reason = f"{path} lists other colours: {here} of {len(usual)} are those of the label maps"
    return _template(shares, maps, reason)


def _of_names(
    path: Path, names: Mapping[str, str], shares: Mapping[str, float], maps: Mapping[str, int]
) -> Proposal:
    void = {name for name in names.values() if name.strip().lower() in _VOID_NAMES}
    values = {c: VOID if name in void else name for c, name in names.items()}
    rare = {colour: VOID for colour in shares if colour not in names}
    reason = f"names and colours are those of {path}"
    return Proposal({**values, **rare}, shares, maps, True, reason, path)


def _template(shares: Mapping[str, float], maps: Mapping[str, int], reason: str) -> Proposal:
    usual = [colour for colour, share in shares.items() if share >= RARE]
    values = {colour: f"class_{place}" for place, colour in enumerate(usual, 1)}
    rare = {colour: VOID for colour in shares if colour not in values}
    return Proposal({**values, **rare}, shares, maps, False, reason)


def _named(root: Path) -> Iterable[tuple[Path, dict[str, str]]]:
    """Files right below ``root`` that give colours names, with the name of each colour."""
    for path in sorted(root.iterdir()):
        reader = _READERS.get(path.suffix.lower())
        if reader is None or path.name.startswith(".") or not path.is_file():
            continue
        try:
            names = reader(path)
        except (OSError, ValueError, UserError, KeyError, TypeError, csv.Error):
            continue  # some other file
        if len(names) > 1:
            yield path, names


def _from_json(path: Path) -> dict[str, str]:
    """Supervisely's classes: [{title, color: #RRGGBB}], or {name: [r, g, b]} or {name: #RRGGBB}."""
    content: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    if isinstance(content, dict) and isinstance(content.get("classes"), list):
        content = content["classes"]
    if isinstance(content, list):
        content = {each.get("title") or each["name"]: each["color"] for each in content}
    return {_colour(colour): str(name) for name, colour in content.items()}


def _from_csv(path: Path) -> dict[str, str]:
    """name, r, g, b; in whatever order a heading gives."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row]
    return dict(_row(row) for row in rows[0 if _numbers(rows[0]) else 1 :])


def _from_text(path: Path) -> dict[str, str]:
    """CVAT's labelmap, or lines of ``r g b name``."""
    return read_classes(path).colours or {}


_READERS = {".json": _from_json, ".csv": _from_csv, ".txt": _from_text}


def _row(cells: Sequence[str]) -> tuple[str, str]:
    numbers = _numbers(cells)
    words = [cell for cell in cells if cell and not cell.isdigit()]
    if len(numbers) != 3 or not words:
        raise ValueError(cells)
    return _colour(numbers), " ".join(words)


def _numbers(cells: Sequence[str]) -> list[int]:
    return [int(cell) for cell in cells if cell.isdigit()]


def _colour(given: Any) -> str:
    if isinstance(given, str) and re.fullmatch(r"#[0-9a-fA-F]{6}", given):
        return colour_text(int(given[1:], 16))
    red, green, blue = (int(part) for part in given)
    return f"{red} {green} {blue}"


def _is_grey(pair: Pair) -> bool:
    try:
        return colours_of(pair.label) is None
    except Fault:
        return True


def _values(label: Path) -> dict[str, int]:
    found, counts = np.unique(read_values(label), return_counts=True)
    return {str(v): n for v, n in zip(found.tolist(), counts.tolist(), strict=True)}
