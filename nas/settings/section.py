"""The base of every section of a config: typed, without unknown keys, strict about types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from functools import cache
from typing import Annotated, Any, TypeGuard, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, model_validator

from nas.settings.words import described, shown


class Section(BaseModel):
    """A key that it does not know is a mistake, and so is a number that is not finite.

    A field may be a dataclass of the floors below: it is a section too, and what it says of its
    bounds counts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _nothing_but_true_is_true(cls, values: Any) -> Any:
        _check_truth(cls, values)
        return values


def fields_of(section: type) -> Mapping[str, Any]:
    """Key -> type of what may stand there, of a Section or a dataclass."""
    if issubclass(section, BaseModel):
        fields = section.model_fields.items()
        return {field.alias or name: field.annotation for name, field in fields}
    kind: Any = section  # mypy takes no class for hashable
    return _hints(kind)


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return get_type_hints(kind)


def section_of(hint: Any) -> type | None:
    """The section that stands there, or may stand there beside None; None for a value, and where
    there is more than one."""
    members = [member for member in _members(hint) if _is_section(member)]
    return members[0] if len(members) == 1 else None


def choices(hint: Any) -> dict[str, type[Section]]:
    """The sections of a union, or of a list of them, by the ``name`` that picks each; of anything
    else, nothing."""
    if get_origin(hint) in (Annotated, tuple):
        return choices(get_args(hint)[0])
    members = [member for member in get_args(hint) if _is_section(member)]
    return {
        member.model_fields["name"].default: member
        for member in members
        if issubclass(member, Section) and "name" in member.model_fields
    }


def _members(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) is Annotated:
        return _members(get_args(hint)[0])
    return (hint,) if isinstance(hint, type) else get_args(hint)


def _is_section(kind: Any) -> TypeGuard[type]:
    return isinstance(kind, type) and (issubclass(kind, Section) or is_dataclass(kind))


def _check_truth(section: type, values: Any, prefix: str = "") -> None:
    """ValueError, beginning with the key: left to itself, pydantic takes true for 1, and 1 and
    "yes" for true."""
    if not isinstance(values, Mapping):
        return
    for key, hint in fields_of(section).items():
        value, inner = values.get(key), section_of(hint)
        if inner and not issubclass(inner, Section):
            _check_truth(inner, value, f"{prefix}{key}.")
        elif _mistakes_truth(value, set(_leaf_types(hint))):
            raise ValueError(f"{prefix}{key} must be {described(hint)}, not {shown(value)}")


def _mistakes_truth(value: Any, kinds: set[Any]) -> bool:
    given = {type(leaf) for leaf in _leaves(value)} - {type(None)}
    if bool in kinds:
        return kinds.isdisjoint((int, float)) and given != {bool} and bool(given)
    return bool in given and not kinds.isdisjoint((int, float))


def _leaves(value: Any) -> Iterator[Any]:
    if not isinstance(value, list | tuple | Mapping):
        yield value
        return
    for each in value.values() if isinstance(value, Mapping) else value:
        yield from _leaves(each)


def _leaf_types(hint: Any) -> Iterator[Any]:
    if parts := get_args(hint):
        for part in parts:
            yield from _leaf_types(part)
    else:
        yield hint
