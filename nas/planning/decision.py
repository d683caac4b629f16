"""What a plan is made of: values of a config, each with its reason and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Decision:
    """``values`` by their keys in the config; ``what`` and ``shown`` are the words for people,
    ``why`` the measurement that it follows from, ``costs`` what it takes in time or memory."""

    what: str
    shown: str
    why: str
    values: dict[str, Any] = field(default_factory=dict)
    costs: str = ""


@dataclass(frozen=True)
class Plan:
    """``decisions`` in the order in which they were made; ``warnings`` in plain words."""

    decisions: tuple[Decision, ...]
    warnings: tuple[str, ...] = ()

    def values(self) -> dict[str, Any]:
        """Nested, as a config has them."""
        nested: dict[str, Any] = {}
        for key, value in self.pairs():
            *path, last = key.split(".")
            section = nested
            for name in path:
                section = section.setdefault(name, {})
            section[last] = value
        return nested

    def pairs(self) -> Iterator[tuple[str, Any]]:
        """Key and value of all decisions."""
        for decision in self.decisions:
            yield from decision.values.items()

    def reason(self, key: str) -> str:
        """Why the config has this value; empty where nothing was decided."""
        whys = [each.why for each in self.decisions if key in each.values]
        return whys[-1] if whys else ""
