"""What the values of a label map mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from proxy_tasks.datasets.base import IGNORE, Pixels
from proxy_tasks.datasets.faults import UNLISTED, Fault
from proxy_tasks.datasets.images import (
    Values,
    colour_text,
    histogram,
    is_jpeg,
    read_colours,
    read_values,
)
from search_space.errors import UserError

VOID = "void"
"""What a value map calls pixels that are neither trained on nor scored."""

_SHOWN = 8


@dataclass(frozen=True)
class LabelCode:
    """Label value -> class index, or `IGNORE`.

    By default a value is the class's index; ``values`` gives the meaning of each instead, by
    number or, with ``colours``, by 0xRRGGBB. ``ignore`` lists values that are void as well.
    ``advice`` ends what is said of a label map with another value; ``own`` tells that the user
    may change what values mean.
    """

    classes: tuple[str, ...]
    ignore: tuple[int, ...] = (IGNORE,)
    values: Mapping[int, int] | None = None
    colours: bool = False
    advice: str = "correct the file"
    own: bool = False

    @property
    def identity(self) -> tuple[object, ...]:
        """Differs where the same file would be read otherwise."""
        if self.values is None:
            return self.classes, self.ignore
        return self.classes, self.ignore, sorted(self.values.items()), self.colours

    def read(self, path: Path) -> Pixels:
        """(H, W) of class indices. Raises Fault, with every value that has no meaning."""
        if is_jpeg(path):
            raise _compressed(path)
        values = read_colours(path) if self.colours else read_values(path)
        return self.translate(values, path)

    def translate(self, values: Values, path: Path) -> Pixels:
        """(H, W) of class indices for label values or colours (H, W). Raises Fault of ``path``."""
        translate = self._look_up if values.dtype == np.uint8 else self._search
        labels, unknown = translate(values)
        if unknown:
            raise self._fault(path, {_plain(value): number for value, number in unknown.items()})
        return labels

    @cached_property
    def _meaning(self) -> dict[int, int]:
        values = self.values
        own = {index: index for index in range(len(self.classes))} if values is None else values
        return {**own, **dict.fromkeys(self.ignore, IGNORE)}

    @cached_property
    def _table(self) -> Pixels:
        table: Pixels = np.full(256, IGNORE, np.uint8)
        for value, index in self._meaning.items():
            if 0 <= value < 256:
                table[value] = index
        return table

    def _look_up(self, values: Values) -> tuple[Pixels, dict[float, int]]:
        # Counting is several times cheaper than sorting the pixels for their unique values.
        counts = histogram(values)
        unknown = [int(v) for v in np.flatnonzero(counts) if int(v) not in self._meaning]
        return self._table[values], {value: int(counts[value]) for value in unknown}

    def _search(self, values: Values) -> tuple[Pixels, dict[float, int]]:
        """For values wider than a table of 256."""
        keys = np.array(sorted(self._meaning))
        indices = np.array([self._meaning[int(key)] for key in keys], np.uint8)
        place = np.minimum(np.searchsorted(keys, values), len(keys) - 1)
        unknown, counts = np.unique(values[keys[place] != values], return_counts=True)
        return indices[place], dict(zip(unknown.tolist(), counts.tolist(), strict=True))

    def _fault(self, path: Path, unknown: Mapping[int | float, int]) -> Fault:
        kind = "colours" if self.colours else "values"
        return Fault(
            path,
            self._complaint([*unknown]),
            kind=f"label-{kind}",
            summary=f"have label {kind} without a meaning",
            mend=self._mend() if len(unknown) <= _SHOWN else self.advice,
            values={self._named(value): number for value, number in unknown.items()},
        )

    def _mend(self) -> str:
        """The whole value map, to be pasted, in which what is unlisted is void."""
        if not self.own:
            return self.advice
        names = [*self.classes]
        meant = {
            self._named(value): VOID if index == IGNORE else names[index]
            for value, index in self._meaning.items()
        }
        listed = ", ".join(f"{value}: {name}" for value, name in meant.items())
        return f"correct them, or write data.values: {{{listed}, {UNLISTED}}}"

    def _complaint(self, unknown: Sequence[int | float]) -> str:
        shown = ", ".join(map(self._named, unknown[:_SHOWN]))
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        kind = "colour" if self.colours else "value"
        plural = "s" if len(unknown) > 1 else ""
        return f"has the label {kind}{plural} {shown}{more}: {self._allowed()}; {self.advice}"

    def _allowed(self) -> str:
        void = f"{' '.join(map(str, self.ignore)) or 'none'} for void"
        if self.values is None:
            return f"allowed are 0 to {len(self.classes) - 1} and {void}"
        own = "the colours of data.values" if self.colours else _ranges(sorted(self.values))
        return f"allowed are {own}" + (f" and {void}" if self.ignore else "")

    def _named(self, value: int | float) -> str:
        if not self.colours:
            return str(value)
        return colour_text(int(value))


def label_code(
    classes: Sequence[str],
    ignore: Sequence[int] | None = None,
    values: Mapping[str, str] | None = None,
) -> LabelCode:
    """The code of a user's own label maps.

    ``values``: label value (as ``7``, or as a colour ``128 64 128``) -> class name or ``void``.
    255 is void unless ``ignore`` or ``values`` says otherwise. Raises UserError.
    """
    advice = "correct the file, the classes or data.ignore, or give a value map in data.values"
    if values is None:
        void = (IGNORE,) if ignore is None else tuple(ignore)
        return LabelCode(tuple(classes), void, advice=advice, own=True)
    keys = {_key(text): name for text, name in values.items()}
    colours = {is_colour for is_colour, _ in keys}
    if len(colours) != 1:
        raise UserError(
            "data.values: list label values or colours, at least one, and not both kinds"
        )
    (by_colour,) = colours
    meaning = {number: _index(name, classes) for (_, number), name in keys.items()}
    if by_colour and ignore:
        raise UserError("data.ignore: takes no colours; write COLOUR: void in data.values instead")
    void = _void(ignore, meaning) if not by_colour else ()
    advice = "correct the file or data.values"
    return LabelCode(tuple(classes), void, meaning, by_colour, advice, own=True)


def named_in(values: Mapping[str, str]) -> tuple[str, ...]:
    """The classes of a value map, in the order in which it names them first."""
    return tuple(name for name in dict.fromkeys(values.values()) if name != VOID)


def _compressed(path: Path) -> Fault:
    what = "as a JPEG, whose compression changes label values: save as PNG"
    return Fault(
        path,
        f"is a label map stored {what}",
        kind="jpeg-labels",
        summary="are label maps stored as JPEGs, whose compression changes label values",
        mend="save them as PNG from where they were drawn",
    )


def _void(ignore: Sequence[int] | None, meaning: Mapping[int, int]) -> tuple[int, ...]:
    if ignore is None:
        return () if IGNORE in meaning else (IGNORE,)
    if twice := [value for value in ignore if value in meaning]:
        raise UserError(f"data.ignore: {twice[0]} is in data.values too; remove one of the two")
    return tuple(ignore)


def _key(text: str) -> tuple[bool, int]:
    """Whether it is a colour, and its number."""
    try:
        numbers = [int(part) for part in text.split()]
    except ValueError:
        numbers = []
    if len(numbers) == 1:
        return False, numbers[0]
    if len(numbers) == 3 and all(0 <= number < 256 for number in numbers):
        return True, numbers[0] << 16 | numbers[1] << 8 | numbers[2]
    raise UserError(
        f"data.values: {text!r} is not a label value; write a whole number, or a colour, as in"
        " 128 64 128"
    )


def _index(name: str, classes: Sequence[str]) -> int:
    if name in classes:
        return list(classes).index(name)
    if name == VOID:
        return IGNORE
    raise UserError(f"data.values: no class is called {name!r}; write {', '.join(classes)} or void")


def _plain(value: float) -> int | float:
    return int(value) if float(value).is_integer() else float(value)


def _ranges(values: Sequence[int]) -> str:
    """``0 to 3, 7``."""
    runs: list[list[int]] = []
    for value in values:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
