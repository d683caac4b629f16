"""Checks of plain data from a file: right keys, right types, and errors that name the place.

``where`` is put before every message: empty, or the place with a colon (``"block 3: "``).
"""

from __future__ import annotations

from collections.abc import Mapping
from reprlib import Repr
from typing import Any

from search_space.errors import UserError

_TYPE_NAMES = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
}
_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


def short(value: object) -> str:
    """A value in one line of bounded length."""
    return _SHORT.repr(value)


def mapping(value: object, where: str) -> Mapping[str, Any]:
    """Raises UserError unless the value is a mapping from text."""
    if not isinstance(value, Mapping):
        raise UserError(f"{where}must be a mapping (key: value) but got {short(value)}")
    for key in value:
        if not isinstance(key, str):
            raise UserError(f"{where}keys must be text but got {short(key)}")
    return value


def check(
    values: object, where: str, required: Mapping[str, type], optional: Mapping[str, type]
) -> Mapping[str, Any]:
    """The values, if they hold every required key, no unknown one, and the named types."""
    values = mapping(values, where)
    known = {**required, **optional}
    for name, value in values.items():
        if name not in known:
            raise UserError(f"{where}unknown key {short(name)}: write one of {', '.join(known)}")
        check_type(value, known[name], f"{where}{name}")
    for name in required:
        if name not in values:
            raise UserError(f"{where}{name} is missing")
    return values


def check_type(value: object, kind: type, name: str) -> None:
    """Raises UserError for another type. A whole number is a number too; a bool is neither."""
    if type(value) is not kind and not (kind is float and type(value) is int):
        raise UserError(f"{name} must be {_TYPE_NAMES[kind]} but got {short(value)}")


def whole_numbers(values: list[Any], where: str) -> tuple[int, ...]:
    """Raises UserError for an item that is no whole number."""
    for value in values:
        if type(value) is not int:
            raise UserError(f"{where}must hold whole numbers but got {short(value)}")
    return tuple(values)
