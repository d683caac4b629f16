"""Published specs, as architecture files next to this one."""

from __future__ import annotations

from pathlib import Path

from search_space.architecture_file import load as _load_file
from search_space.backbone import Backbone
from search_space.errors import UserError

_FOLDER = Path(__file__).parent


def names() -> tuple[str, ...]:
    """What ``load`` knows, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.yaml")))


def load(name: str) -> Backbone:
    """Raises UserError, listing the names, for one that is not there."""
    if name not in names():
        raise UserError(f"the catalogue has no {name!r}: write one of {', '.join(names())}")
    return _load_file(_FOLDER / f"{name}.yaml")
