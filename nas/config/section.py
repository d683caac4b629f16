"""What every section of a config is, and the one line in which a wrong one is refused."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, TypeGuard, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from nas.config.storage_url import masked

Place = tuple[int | str, ...]


class Section(BaseModel):
    """Typed, and closed: a key that it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def choices(annotation: Any) -> dict[str, type[Section]]:
    """The sections of a union, or of a list of them, by the ``name`` that picks each; of anything
    else, nothing."""
    if get_origin(annotation) in (Annotated, tuple):
        return choices(get_args(annotation)[0])
    members = [member for member in get_args(annotation) if _is_section(member)]
    return {
        member.model_fields["name"].default: member
        for member in members
        if "name" in member.model_fields
    }


def first_line(error: ValidationError, root: type[Section]) -> str:
    """The first wrong key, what is wrong with it, and what may stand there."""
    found = error.errors()[0]
    path, _, union = _walk(found["loc"], root)
    if found["type"] == "extra_forbidden":
        return f"{path}: unknown key{_suggestion(found['loc'], root)}"
    if found["type"] == "union_tag_not_found":
        return f"{path}: gives no name; there are {', '.join(union)}"
    if found["type"] == "union_tag_invalid":
        name, kind = found["ctx"]["tag"], path.removesuffix("s")
        key = f"{path}.name" if kind == path else path
        return f"{key}: no {kind} is called {name!r}{_hint(name, list(union))}"
    message = found["msg"].removeprefix("Value error, ")
    return f"{path}: {message[0].lower()}{message[1:]} but got {masked(repr(found['input']))}"


def _suggestion(place: Place, root: type[Section]) -> str:
    """Whose option an unknown key is, or the keys of the section in which it stands."""
    _, section, union = _walk(place[:-1], root)
    if section is None:
        return ""
    key = str(place[-1])
    owners = [name for name, other in union.items() if key in other.model_fields]
    if owners:
        return f" of {place[-2]}; it is an option of {' and '.join(owners)}"
    return _hint(key, list(section.model_fields))


def _hint(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(known)}"


class _Spot(NamedTuple):
    """``section`` stands at ``path``, chosen from ``union``; None: a value, or not yet chosen."""

    path: str
    section: type[Section] | None
    union: dict[str, type[Section]]


def _walk(place: Place, root: type[Section]) -> _Spot:
    """Where pydantic's path leads. The name of what is chosen from a union is in pydantic's path,
    but in no config; in a list of them it tells which is meant, and the number does not."""
    spot, listed = _Spot("", root, {}), False
    for part in map(str, place):
        if spot.union and part.isdigit():
            listed = True
            continue
        if spot.section is None and part in spot.union:
            path = f"{spot.path}.{part}" if listed else spot.path
            spot = spot._replace(path=path, section=spot.union[part])
            continue
        field = spot.section.model_fields.get(part) if spot.section else None
        kind = field.annotation if field else None
        path = f"{spot.path}.{part}" if spot.path else part
        spot = _Spot(path, _only_section(kind), choices(kind))
    return spot


def _only_section(kind: Any) -> type[Section] | None:
    """The section that stands there, or may stand there beside None."""
    if _is_section(kind):
        return kind
    members = [member for member in get_args(kind) if _is_section(member)]
    return members[0] if len(members) == 1 and not choices(kind) else None


def _is_section(kind: Any) -> TypeGuard[type[Section]]:
    return isinstance(kind, type) and issubclass(kind, Section)
