"""What is wrong with the files of a data set, and one line for a mistake made in many of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from search_space.errors import UserError

UNLISTED, UNNAMED = "UNLISTED", "UNNAMED"
"""Stand in ``mend`` for the label values in question, as data.values has them: each void, or each a
class that is yet to be named."""

_SHOWN = 8


class Fault(UserError):
    """One file, and what is wrong with it.

    Where the same mistake can be in many files, it has a ``kind``; ``summary`` then says it of
    several files, as in "have no labels", and ``mend`` is what mends all of them. ``values``: how
    many pixels have each of the label values in question. ``number``: of how many files it is.
    """

    def __init__(
        self,
        path: Path,
        what: str,
        *,
        kind: str = "",
        summary: str = "",
        mend: str = "",
        values: Mapping[str, int] | None = None,
        number: int = 1,
    ) -> None:
        super().__init__(path, what)
        self.path, self.what, self.kind, self.number = path, what, kind, number
        self.summary, self.mend, self.values = summary, mend, dict(values or {})

    def __str__(self) -> str:
        return f"{self.path} {self.what}"

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are made anew from their positional arguments; the others go along.
        return type(self), (self.path, self.what), self.__dict__


class Faults(UserError):
    """All that is wrong; as a message, the first of it and how much more there is."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults)
        self.faults = tuple(faults)

    def __str__(self) -> str:
        first, *others = systematic(self.faults)
        rest = f" (and {len(others)} more: `nas data check` lists all)" if others else ""
        return f"{first}{rest}"


def systematic(faults: Sequence[Fault]) -> list[Fault]:
    """Faults of one kind as one, with their number and what mends them; the others as they are.
    In the order in which the first of each kind came."""
    by_kind: dict[tuple[str, int], list[Fault]] = defaultdict(list)
    for place, fault in enumerate(faults):
        by_kind[fault.kind, 0 if fault.kind else place].append(fault)
    return [same[0] if len(same) == 1 else _together(same) for same in by_kind.values()]


def _together(same: Sequence[Fault]) -> Fault:
    first, number = same[0], sum(fault.number for fault in same)
    files: Counter[str] = Counter()
    pixels: Counter[str] = Counter()
    for fault in same:
        files.update(dict.fromkeys(fault.values, fault.number))
        pixels.update(fault.values)
    mend = _filled(first.mend, pixels)
    told = f"and {number - 1} more {first.summary or first.what}{_counted(files, pixels)}"
    what = f"{told}: {mend}" if mend else told
    return Fault(
        first.path,
        what,
        kind=first.kind,
        summary=first.summary,
        mend=first.mend,
        values=pixels,
        number=number,
    )


def _filled(mend: str, values: Iterable[str]) -> str:
    ordered = sorted(values, key=lambda value: [float(part) for part in value.split()])
    void = ", ".join(f"{value}: void" for value in ordered)
    named = ", ".join(f"{value}: class_{place}" for place, value in enumerate(ordered, 1))
    return mend.replace(UNLISTED, void).replace(UNNAMED, named)


def _counted(files: Counter[str], pixels: Counter[str]) -> str:
    """The values that most files have."""
    shown = [
        f"{value} (in {number}, {pixels[value]:,} {'pixels' if pixels[value] > 1 else 'pixel'})"
        for value, number in files.most_common(_SHOWN)
    ]
    more = [f"and {len(files) - _SHOWN} more"] if len(files) > _SHOWN else []
    return f": {', '.join(shown + more)}" if shown else ""
