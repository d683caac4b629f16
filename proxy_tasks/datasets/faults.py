"""What is wrong with the files of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from search_space.errors import UserError


class Fault(UserError):
    """One file, and what is wrong with it."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(path, what)
        self.path, self.what = path, what

    def __str__(self) -> str:
        return f"{self.path} {self.what}"


class Faults(UserError):
    """All that is wrong; as a message, the first of it and how much more there is."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(faults)
        self.faults = tuple(faults)

    def __str__(self) -> str:
        more = len(self.faults) - 1
        rest = f" (and {more} more: `nas data check` lists all)" if more else ""
        return f"{self.faults[0]}{rest}"
