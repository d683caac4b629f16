"""Types and values in the words of messages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from nas.settings.storage_url import masked

_MAPPING = ("a mapping of keys to values", "mappings of keys to values")
_NAMES: dict[Any, tuple[str, str]] = {
    bool: ("true or false", "true or false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("a string", "strings"),
    Path: ("a path", "paths"),
    NoneType: ("null", "null"),
    Any: ("a value", "values"),
}
_NUMBERS = {2: "two", 3: "three"}
_SHOWN = 60
"""Characters of a value in a message."""


def described(hint: Any) -> str:
    """What a value of this type is: follows "must be"."""
    parts = get_args(hint)
    match get_origin(hint):
        case origin if origin is Union or origin is UnionType:
            return either([described(part) for part in parts])
        case origin if origin is Annotated:
            return described(parts[0])
        case origin if origin is Literal:
            return f"one of {', '.join(map(str, parts))}"
        case origin if origin is tuple:
            return _list(parts)
    return _NAMES.get(hint, _MAPPING)[0]


def several(hint: Any) -> str:
    """Values of this type: follows "a list of"."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return several(parts[0])
    if origin is Literal:
        return f"values out of {', '.join(map(str, parts))}"
    return _NAMES.get(hint, _MAPPING)[1]


def _list(parts: Sequence[Any]) -> str:
    if parts[-1] is Ellipsis:
        return f"a list of {several(parts[0])}"
    return f"a list of {_NUMBERS.get(len(parts), len(parts))} {several(parts[0])}"


def either(words: Sequence[str]) -> str:
    """a, b or c."""
    words = list(dict.fromkeys(words))
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def shown(value: Any) -> str:
    """A value as it would be written in YAML, on one line, shortened, without passwords."""
    if isinstance(value, str):
        text = masked(repr(value))
    else:
        text = masked(json.dumps(value, ensure_ascii=False, default=str))
    return shortened(text)


def shortened(text: str) -> str:
    """The beginning of what is long."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."
