"""Whether files are whole: each is read, all of it, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from PIL import Image

from results.store import StorageFailed
from search_space import architecture_file, strict_yaml
from search_space.errors import UserError

Look = tuple[Path, Callable[[], object]]
"""A file, and what raises where it is not whole."""

_BROKEN = (
    *(ValueError, LookupError, TypeError, AttributeError, AssertionError, OSError),
    *(SyntaxError, StorageFailed),
)
"""What libraries raise on files that they did not write."""
KEEP = "put it back from a copy of the run"


@dataclass(frozen=True)
class Part:
    """One part of a run: ``seen`` says how much of it was read, None where nothing was; a line for
    each fault, with what to do."""

    name: str
    seen: str | None
    faults: Sequence[str] = ()

    @property
    def whole(self) -> bool | None:
        """None where nobody knows."""
        if self.faults:
            return False
        return None if self.seen is None else True

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"whole": self.whole, "seen": self.seen, "faults": list(self.faults)}


def faults(looks: Iterable[Look], mend: str = KEEP) -> list[str]:
    """A line for each look that raises. A UserError says itself what to do; for others it is to
    ``mend``."""
    found = []
    for path, look in looks:
        try:
            look()
        except UserError as error:
            found.append(str(error))
        except _BROKEN as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            found.append(f"{path}: damaged ({reason}); {mend}")
    return found


def read(path: Path) -> None:
    """Read a file as what its suffix says that it is. Raises whatever its library does."""
    match path.suffix:
        case ".json":
            json.loads(path.read_text("utf-8"))
        case ".yaml":
            strict_yaml.parse_record(path.read_text("utf-8"), str(path))
        case ".png":
            with Image.open(path) as picture:
                picture.load()
        case ".svg":
            ElementTree.parse(path)
        case _:
            if not path.read_text("utf-8").strip():
                raise ValueError("it is empty")


def read_spec(path: Path) -> None:
    """Read an architecture file, whose key must be its spec's; or whatever else it is."""
    if path.suffix == ".yaml":
        architecture_file.load(path)
    else:
        read(path)
