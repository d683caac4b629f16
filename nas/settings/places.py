"""Where in a config pydantic found a mistake, by the keys that the user wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from nas.settings.section import Section, choices, fields_of, section_of
from search_space.bounds import Bound

Location = tuple[int | str, ...]
"""As pydantic has it."""


@dataclass(frozen=True)
class Place:
    """``path`` are the keys, with dots; ``hint`` is the type of what may stand there, ``bound`` its
    range.

    ``section`` is set where a section stands there, chosen from ``union`` where there are several.
    ``item`` counts from 0 in a list; ``is_key`` is true where a key itself is wrong, not its value.
    """

    path: str
    hint: Any
    section: type | None = None
    union: dict[str, type[Section]] | None = None
    bound: Bound | None = None
    item: int | None = None
    is_key: bool = False

    def step(self, part: int | str) -> Place:
        """One part of pydantic's location further in."""
        if self.union and self.section is None and part in self.union:
            # In no config, unless it tells which of a list is meant.
            path = self.path if self.item is None else joined(self.path, str(part))
            return replace(self, path=path, section=self.union[str(part)], item=None)
        if self.section:
            return self._key(str(part))
        if part == "[key]":
            return replace(self, is_key=True)
        return self._inside(part)

    def _key(self, key: str) -> Place:
        hint = fields_of(self.section).get(key) if self.section else None
        bound = _bound(self.section, key)
        return _place(joined(self.path, key), hint, bound)

    def _inside(self, part: int | str) -> Place:
        """Of a list or a mapping; in a union of values pydantic names each that was tried."""
        kinds = get_args(self._bare())
        if isinstance(part, int) and get_origin(self._bare()) is tuple:
            hint = kinds[0] if kinds[-1] is Ellipsis else kinds[min(part, len(kinds) - 1)]
            return replace(_place(self.path, hint), item=part)
        if get_origin(self._bare()) is dict:
            return _place(joined(self.path, str(part)), kinds[1])
        return self

    def _bare(self) -> Any:
        """The type without None beside it and without what is annotated."""
        hint = self.hint
        while get_origin(hint) is Annotated:
            hint = get_args(hint)[0]
        others = [kind for kind in get_args(hint) if kind is not NoneType]
        alone = NoneType in get_args(hint) and len(others) == 1
        return others[0] if alone else hint


def find(location: Location, root: type[Section]) -> Place:
    """The place that pydantic's location leads to."""
    place = Place("", root, root)
    for part in location:
        place = place.step(part)
    return place


def joined(path: str, key: str) -> str:
    """With a dot between them where there are both."""
    return f"{path}.{key}" if path and key else path or key


def paths_of(key: str, section: type, path: str = "") -> Iterator[str]:
    """Where a key of this name stands in the sections within a section, but for those that a
    ``name`` picks."""
    for name, hint in fields_of(section).items():
        if (inner := section_of(hint)) is None:
            continue
        if key in fields_of(inner):
            yield joined(joined(path, name), key)
        yield from paths_of(key, inner, joined(path, name))


def _place(path: str, hint: Any, bound: Bound | None = None) -> Place:
    return Place(path, hint, section_of(hint), choices(hint), bound)


def _bound(section: type | None, key: str) -> Bound | None:
    """What the field says of its range."""
    field = section.model_fields.get(key) if section and issubclass(section, Section) else None
    return bound_of(
        {
            side: getattr(extra, side)
            for extra in (field.metadata if field else ())
            for side in _SIDES
            if hasattr(extra, side)
        }
    )


_SIDES = {"ge": "least", "gt": "above", "le": "most", "lt": "below"}


def bound_of(known: Mapping[str, Any]) -> Bound | None:
    """From pydantic's names of the sides; None where there is none among them."""
    sides = {word: known[side] for side, word in _SIDES.items() if side in known}
    return Bound(**sides) if sides else None
