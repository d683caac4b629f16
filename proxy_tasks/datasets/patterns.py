"""Images and label maps by patterns of the user's.

``data.images`` is a glob of paths below the root: ``*/images/*.jpg``, ``**/*_sat.tif``.
``data.labels`` is a path below the root, written with

    {dir}     the folder that the image lies in
    {scene}   what the wildcards among the folders of data.images stand for
    {name}    what the one ``*`` of the file's name stands for, else the name without its suffix
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from proxy_tasks.datasets.base import PARTS, Split
from proxy_tasks.datasets.layout import PART_FOLDERS, Layout
from proxy_tasks.datasets.listing import Listing, Pair, with_labels
from search_space.errors import UserError

_FIELDS = frozenset({"dir", "scene", "name"})
_WILD = re.compile(r"[*?\[]")


class _Found(NamedTuple):
    image: Path
    scene: str
    name: str


def by_patterns(root: Path, images: str, labels: str) -> Layout:
    """What the patterns name; split where the images' first folders are train/ and val/.

    Raises UserError for patterns that cannot be read or name no image.
    """
    _refuse(images, labels)
    found = _images(root, images)
    pairs = [(each.image.relative_to(root), _pair(root, each, labels)) for each in found]
    parts: dict[Split, list[Pair]] = {part: [] for part in PARTS}
    for path, pair in pairs:
        if (part := _part_of(path)) is not None:
            parts[part].append(pair)
    if parts["train"] and sum(map(len, parts.values())) == len(pairs):
        inside = {part: [_inside(pair) for pair in own] for part, own in parts.items() if own}
        return Layout({part: _listing(own) for part, own in inside.items()})
    if parts["test"]:
        outside = next(path for path, _ in pairs if _part_of(path) is None)
        raise UserError(
            f"data.images: {outside} is in no part, but {parts['test'][0].image} is in test/:"
            " name only images of train/, val/ and test/, or put all below one folder"
        )
    return Layout(whole=_listing(pair for _, pair in pairs))


def _refuse(images: str, labels: str) -> None:
    if Path(images).is_absolute() or Path(labels).is_absolute():
        raise UserError("data.images and data.labels: write paths below data.root")
    fields = {*re.findall(r"\{(.*?)\}", labels)}
    if unknown := sorted(fields - _FIELDS):
        raise UserError(
            f"data.labels: no {{{unknown[0]}}} in a pattern; there are {{dir}}, {{scene}}, {{name}}"
        )
    if "name" not in fields:
        raise UserError(f"data.labels: {labels!r} is the same for all images; write {{name}} in it")


def _images(root: Path, pattern: str) -> list[_Found]:
    expression = _expression(pattern)
    found = []
    for path in sorted(root.glob(pattern)):
        told = expression.fullmatch(path.relative_to(root).as_posix())
        if told and path.is_file() and not path.name.startswith("."):
            named = told.groupdict().get("name")
            folders = told.groups() if named is None else told.groups()[:-1]
            scene = "/".join(folder for folder in folders if folder)
            found.append(_Found(path, scene, named or path.stem))
    if not found:
        raise UserError(f"data.images: no file below {root} matches {pattern!r}")
    return found


def _expression(pattern: str) -> re.Pattern[str]:
    """The glob with a group for each wildcard folder, and ``name`` for one * in the file's name."""
    *folders, name = PurePosixPath(pattern).parts
    text = ""
    for folder in folders:
        if folder == "**":
            text += "(?:(.+)/)?"
        else:
            text += (f"({_plain(folder)})" if _WILD.search(folder) else re.escape(folder)) + "/"
    before, star, after = name.partition("*")
    if star and not _WILD.search(before + after):
        return re.compile(f"{text}{re.escape(before)}(?P<name>[^/]*){re.escape(after)}", re.I)
    return re.compile(text + _plain(name), re.I)


def _plain(glob: str) -> str:
    """One part of a path."""
    kept = re.split(r"(\*+|\?|\[[^\]]*\])", glob)
    wild = {"*": "[^/]*", "?": "[^/]"}
    return "".join(
        part if part.startswith("[") else wild.get(part[:1], re.escape(part)) for part in kept
    )


def _pair(root: Path, found: _Found, labels: str) -> Pair:
    relative = found.image.relative_to(root)
    values = {"dir": relative.parent.as_posix(), "scene": found.scene, "name": found.name}
    written = re.sub(r"\{(.*?)\}", lambda field: values[field[1]], labels)
    key = relative.with_suffix("").as_posix()
    return Pair(found.image, root / os.path.normpath(written), found.scene, key)


def _part_of(path: Path) -> Split | None:
    names = PART_FOLDERS.items()
    return next((part for part, own in names if path.parts[0].lower() in own), None)


def _inside(pair: Pair) -> Pair:
    """Below the part's folder: its name is no scene's."""
    part, _, key = pair.key.partition("/")
    return pair._replace(key=key, group=pair.group.removeprefix(part).removeprefix("/"))


def _listing(pairs: Iterable[Pair]) -> Listing:
    return Listing(*with_labels(pairs))
