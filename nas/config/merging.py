"""One config over another, and ``--set KEY=VALUE`` over both."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from nas.config import controller
from nas.settings.words import shortened
from search_space import strict_yaml
from search_space.errors import UserError

WHOLE = ("stages", "values", "resolution", "encoder")
"""Mappings that are one value: another replaces them, key by key they would make no sense."""


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Sections merge key by key; everything else is replaced."""
    found = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict) and key not in WHOLE
        merge = controller.merged if key == "controller" else merged
        found[key] = merge(base[key], value) if both else value
    return found


def with_set(values: Mapping[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """With ``KEY=VALUE`` settings over the values. UserError for what is no setting."""
    found = deepcopy(dict(values))
    for setting in sorted(settings, key=_picks_no_controller):
        _set(found, setting)
    return found


def _picks_no_controller(setting: str) -> bool:
    """The controller is picked before its options are set, in whatever order they are given."""
    return not setting.startswith(("controller=", "controller.name="))


_PATTERN = re.compile(r"\*|\{(name|scene|dir)\}")
"""What a pattern of files begins with (proxy_tasks.datasets.patterns); YAML means others by it."""


def _value(text: str, setting: str) -> Any:
    if _PATTERN.match(text):
        return text
    return strict_yaml.parse(text, f"--set {shortened(setting)}")


def _set(values: dict[str, Any], setting: str) -> None:
    key, equals, text = setting.partition("=")
    if not equals or not key:
        raise UserError(
            f"--set {shortened(setting)}: must be KEY=VALUE, as in --set proxy.epochs=4"
        )
    value = _value(text, setting)
    *path, last = key.split(".")
    for name in path:
        if values.get(name) is None:  # a section that is not there yet
            values[name] = {}
        values = values[name]
        if not isinstance(values, dict):
            raise UserError(f"--set {shortened(setting)}: {name} is a value, not a section")
    if key == "controller.name" and value != values.get("name", controller.DEFAULT):
        values.clear()  # as controller.merged does
    values[last] = value
