"""Specs by name: published ones and those that our own search found, next to this file."""

from __future__ import annotations

import os
from pathlib import Path

from search_space.architecture_file import LoadedSpec, load_spec
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
    return load_spec(_FOLDER / f"{name}.yaml").backbone


def title(name_or_path: str) -> str:
    """What to call a spec that ``find`` finds: its name, or its file's without the suffix."""
    return name_or_path if name_or_path in names() else Path(name_or_path).stem


def find(name_or_path: str) -> LoadedSpec:
    """A spec with its provenance, by its name in the catalogue or the path of its file.

    A name goes before a file that is called the same: write ``./NAME`` for the file.

    Raises:
        UserError: listing the names, for what is neither; as load_spec, for a broken file.
    """
    if name_or_path in names():
        return load_spec(_FOLDER / f"{name_or_path}.yaml")
    if os.path.exists(name_or_path):
        return load_spec(name_or_path)
    raise UserError(
        f"{name_or_path!r} is neither a file nor in the catalogue: write a path or one of"
        f" {', '.join(names())}"
    )
