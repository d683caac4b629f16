"""A mistake in a config as one line of our own: the key, what is allowed, and what was given."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from nas.settings.places import Place, bound_of, find, joined, paths_of
from nas.settings.section import Section, fields_of
from nas.settings.words import described, either, shown

Line = Callable[[Place, ErrorDetails], str]


def first_line(error: ValidationError, root: type[Section]) -> str:
    """The first wrong key, what is wrong with it, and what may stand there."""
    line = _line(error.errors()[0], root)
    return " ".join(line.split())  # a key may have line breaks in it


def _line(found: ErrorDetails, root: type[Section]) -> str:
    location = found["loc"]
    if found["type"] in _UNKNOWN:
        return _unknown_key(find(location[:-1], root), str(location[-1]), root)
    if found["type"] == "missing" and isinstance(location[-1], int):  # of a list that is too short
        return _wrong_type(find(location[:-1], root), found)
    return _LINES.get(found["type"], _wrong_type)(find(location, root), found)


def _wrong_type(place: Place, found: ErrorDetails) -> str:
    """Also for every error that is in no table, so that users never see pydantic's own words."""
    return f"{_what(place)} must be {described(place.hint)}, not {shown(found['input'])}"


def _what(place: Place) -> str:
    if place.is_key:
        return f"{place.path}: a key"
    if place.item is not None:
        return f"{place.path}: item {place.item + 1}"
    return place.path


def _missing(place: Place, found: ErrorDetails) -> str:
    return f"{place.path} is missing"


def _out_of_bounds(place: Place, found: ErrorDetails) -> str:
    bound = place.bound or bound_of(found["ctx"])
    return f"{_what(place)} must be {bound}, not {shown(found['input'])}"


def _not_finite(place: Place, found: ErrorDetails) -> str:
    return f"{_what(place)} must be a finite number, not {found['input']}"


def _too_short(place: Place, found: ErrorDetails) -> str:
    least = found["ctx"]["min_length"]
    items = "item" if least == 1 else "items"
    return f"{place.path} must have at least {least} {items}, not {shown(found['input'])}"


def _rule(place: Place, found: ErrorDetails) -> str:
    """What a validator of ours says: it begins with a key of the section, or with "must"."""
    text = str(found["ctx"]["error"])
    key = text.split()[0].rstrip(":").partition(".")[0]
    if place.section and key in fields_of(place.section):
        return joined(place.path, text)
    colon = "" if text.startswith("must ") else ":"
    return f"{place.path}{colon} {text}"


def _no_name(place: Place, found: ErrorDetails) -> str:
    listed = place.item is not None
    what = f"{_what(place)} has no name" if listed else f"{joined(place.path, 'name')} is missing"
    return f"{what}; there are {', '.join(place.union or ())}"


def _no_such_name(place: Place, found: ErrorDetails) -> str:
    name, kind = found["ctx"]["tag"], place.path.rpartition(".")[2].removesuffix("s")
    key = place.path if place.item is not None else joined(place.path, "name")
    return f"{key}: no {kind} is called {name!r}{_hint(name, list(place.union or ()))}"


_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument", "invalid_key"}
_LINES: Mapping[str, Line] = {
    "missing": _missing,
    "greater_than": _out_of_bounds,
    "greater_than_equal": _out_of_bounds,
    "less_than": _out_of_bounds,
    "less_than_equal": _out_of_bounds,
    "finite_number": _not_finite,
    "too_short": _too_short,
    "value_error": _rule,
    "union_tag_not_found": _no_name,
    "union_tag_invalid": _no_such_name,
}
"""pydantic's type of error -> our line; of all others a value has the wrong type."""


def _unknown_key(place: Place, key: str, root: type[Section]) -> str:
    """With the option of whom it is, the place where a key of this name stands, the key that is
    most like it, or all that there are."""
    union = place.union or {}
    kind = next((name for name, member in union.items() if member is place.section), "")
    path = joined(place.path, key)
    if owners := [name for name, member in union.items() if key in fields_of(member)]:
        return f"{path}: unknown key of {kind}; it is an option of {' and '.join(owners)}"
    known = list(fields_of(place.section)) if place.section else []
    elsewhere = list(paths_of(key, root))
    within = [each for each in elsewhere if each.startswith(f"{place.path}.")]
    if there := within or elsewhere:
        return f"{path}: unknown key; did you mean {either(there)}?"
    return f"{path}: unknown key{_hint(key, known)}"


def _hint(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"
