"""Names of classes from a file, as people and labelling tools write them.

road                         one name a line, in the order of the label values
2 road                       or with the label value before each name
__ignore__                   labelme's labels.txt: the first line is -1, which is void, and
_background_                 values are counted from there
road:128,64,128::            CVAT's labelmap.txt: with the colour of each
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.datasets.listing import read_lines
from search_space.errors import UserError

FILES = ("classes.txt", "labelmap.txt", "labels.txt")
"""What the file is called; the first of them that lies there is read."""

_LABELME_VOID = "__ignore__"
_CVAT = re.compile(r"([^:]+):(\d+),(\d+),(\d+):[^:]*:.*")
_COLOURED = re.compile(r"(\d+)[\s,]+(\d+)[\s,]+(\d+)[\s,]+(\D.*)")
_NUMBERED = re.compile(r"(\d+)(?:\s*[:;,=.)\t-]\s*|\s+)(\S.*)")


@dataclass(frozen=True)
class ClassList:
    """``values`` maps label values, ``colours`` colours, as data.values does, where the file gives
    them; ``ignore`` are the values that it calls void."""

    names: tuple[str, ...]
    values: dict[str, str] | None = None
    colours: dict[str, str] | None = None
    ignore: tuple[int, ...] | None = None
    remark: str = ""


def class_file(root: Path) -> Path:
    """The one that lies there, else where it should lie."""
    there = {path.name.lower(): path for path in root.iterdir() if path.is_file()}
    return next((there[name] for name in FILES if name in there), root / FILES[0])


def read_classes(path: Path, mapped: bool = False) -> ClassList:
    """What stands there. Raises UserError, also for a blank line between names, unless label values
    are ``mapped`` to names: whether the value that it stands for is left out, it does not tell."""
    advice = "write one class name per line, in the order of the label values"
    lines = read_lines(path, advice, blank=True)
    lines = tuple(line for line in lines if not line.startswith("#"))
    while lines and not lines[-1]:
        lines = lines[:-1]
    told = [line for line in lines if line]
    for form in (_cvat, _coloured, _labelme, _numbered):
        if found := form(path, told):
            return found
    if "" in lines and not mapped:
        raise UserError(_blank(path, lines))
    return ClassList(tuple(told))


def _cvat(path: Path, lines: Sequence[str]) -> ClassList | None:
    matches = [_CVAT.fullmatch(line) for line in lines]
    if not lines or not all(matches):
        return None
    remark = f"{path} is read as CVAT's labelmap"
    return _with_colours([match.groups() for match in matches if match], remark)


def _coloured(path: Path, lines: Sequence[str]) -> ClassList | None:
    matches = [_COLOURED.fullmatch(line) for line in lines]
    if not lines or not all(matches):
        return None
    rows = [(match[4], *match.groups()[:3]) for match in matches if match]
    return _with_colours(rows, f"{path} gives the colour of each class")


def _with_colours(rows: Sequence[Sequence[str]], remark: str) -> ClassList:
    """Rows are a name, red, green and blue."""
    colours = {" ".join(str(int(part)) for part in row[1:]): row[0].strip() for row in rows}
    names = tuple(dict.fromkeys(row[0].strip() for row in rows))
    return ClassList(names, colours=colours, remark=remark)


def _labelme(path: Path, lines: Sequence[str]) -> ClassList | None:
    if _LABELME_VOID not in lines:
        return None
    if lines[0] != _LABELME_VOID:
        raise UserError(f"{path}: {_LABELME_VOID} stands for -1: write it on the first line")
    remark = f"{path} is read as labelme's list: {_LABELME_VOID} is void, the next line value 0"
    return ClassList(tuple(lines[1:]), ignore=(-1, IGNORE), remark=remark)


def _numbered(path: Path, lines: Sequence[str]) -> ClassList | None:
    matches = [_NUMBERED.fullmatch(line) for line in lines]
    if not lines or not all(matches):
        return None
    rows = [(str(int(match[1])), match[2].strip()) for match in matches if match]
    if twice := [value for value, _ in rows if [v for v, _ in rows].count(value) > 1]:
        raise UserError(f"{path}: the label value {twice[0]} is given twice")
    names = tuple(dict.fromkeys(name for _, name in rows))
    return ClassList(names, dict(rows), remark=f"{path} gives the label value of each class")


def _blank(path: Path, lines: Sequence[str]) -> str:
    number = lines.index("") + 1
    meant = ", ".join(f"{value}: {name}" for value, name in enumerate(lines) if name)
    return (
        f"{path}: line {number} is blank, so which values the names after it stand for is unclear;"
        f" remove it, or where no class has value {number - 1} write data.values: {{{meant}}}"
    )
