"""A value that passes through Ray Tune as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Sealed(Generic[T]):
    """Keeps Tune from flattening, copying or printing what is inside."""

    value: T

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __repr__(self) -> str:
        return "Sealed(...)"
