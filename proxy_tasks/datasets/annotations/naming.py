"""From the labels of a file to classes, and what pixels are that no shape covers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from proxy_tasks.datasets.base import IGNORE, Colour, distinct_palette
from proxy_tasks.datasets.labels import VOID
from search_space.errors import UserError

BACKGROUND = "background"
"""What `data.uncovered` makes a class of its own, unless the file has one of that name."""


@dataclass(frozen=True)
class Naming:
    """``meaning``: label of the file -> class index or `IGNORE`; a label that the user's classes
    lack is not in it. ``uncovered`` likewise, None where nobody said."""

    classes: tuple[str, ...]
    meaning: Mapping[str, int]
    uncovered: int | None = None

    @property
    def identity(self) -> tuple[object, ...]:
        """Differs where the same file would be read otherwise."""
        return self.classes, sorted(self.meaning.items()), self.uncovered


def name_classes(
    labels: Sequence[str],
    source: Path,
    classes: Sequence[str] | None = None,
    values: Mapping[str, str] | None = None,
    uncovered: str | None = None,
) -> Naming:
    """``labels`` are the file's, in the order of its classes, and ``source`` is the file.

    ``values``: label -> class or ``void``; others keep their names, and ``void`` is void.
    ``classes`` gives the order and the choice. ``uncovered``: ``background``, ``void`` or a class.
    Raises UserError for names that do not go together.
    """
    renamed = _renamed(labels, values or {}, source)
    names = list(dict.fromkeys(name for name in renamed.values() if name != VOID))
    if classes is not None:
        names = list(classes)
    if uncovered == BACKGROUND and BACKGROUND not in names:
        names.insert(0, BACKGROUND)
    _check(names, source if classes is None else Path("data.classes"), uncovered)
    index = {name: place for place, name in enumerate(names)} | {VOID: IGNORE}
    if uncovered is not None and uncovered not in index:
        known = ", ".join(dict.fromkeys((BACKGROUND, VOID, *names)))
        raise UserError(f"data.uncovered: no class is called {uncovered!r}; write one of {known}")
    meaning = {label: index[name] for label, name in renamed.items() if name in index}
    return Naming(tuple(names), meaning, None if uncovered is None else index[uncovered])


def palette(classes: Sequence[str], colours: Mapping[str, Colour]) -> tuple[Colour, ...]:
    """The tool's own colour of each class where it has one, and no colour twice."""
    chosen: dict[str, Colour] = {}
    for name in classes:
        colour = colours.get(name, (0, 0, 0) if name == BACKGROUND else None)
        if colour is not None and colour not in chosen.values():
            chosen[name] = colour
    taken = {*chosen.values()}
    free = (c for c in distinct_palette(len(classes) + len(taken)) if c not in taken)
    return tuple(chosen[name] if name in chosen else next(free) for name in classes)


def _renamed(labels: Sequence[str], values: Mapping[str, str], source: Path) -> dict[str, str]:
    if unknown := [label for label in values if label not in labels]:
        known = ", ".join(labels)
        raise UserError(f"data.values: {source} has no label {unknown[0]!r}; it has {known}")
    return {label: values.get(label, label) for label in labels}


def _check(names: Sequence[str], source: Path, uncovered: str | None) -> None:
    if not 2 <= len(names) <= IGNORE:
        rest = "; data.uncovered: background makes a class of what no shape covers"
        advice = rest if len(names) == 1 and uncovered is None else ""
        raise UserError(f"{source}: 2 to {IGNORE} classes are needed, not {len(names)}{advice}")
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"{source}: the class {twice[0]!r} is listed twice; names must differ")
    if VOID in names:
        raise UserError(
            f"{source}: 'void' means what is left out and cannot be a class; choose another name"
        )
