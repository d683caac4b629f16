"""``nas check``: whether a run is whole. Reads everything, writes nothing.

``nas check --json`` prints one object:

    run, whole
    parts         {"ledger", "records", "weights", "artifacts", "data", "packs": {...}}, of each:
                  whole, seen (how much of it was read; both null where it could not be), faults
                  ([a line, with what to do])
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from nas import config as configs
from nas.failures import RunFailed
from nas.runs import data_identity
from nas.runs.directory import RunDirectory
from nas.runs.whole_books import Books
from nas.runs.whole_data import Data
from nas.runs.wholeness import Part


def check(path: Path, as_json: bool, settings: Sequence[str], console: Console) -> None:
    """Print each part of a run, with a line for each fault that says what to do. ``settings`` say
    where the data lie now.

    Raises:
        UserError: when no run is there, or for other settings.
        RunFailed: when something is wrong with it.
    """
    run = RunDirectory.open(path)
    with console.status(f"reading {path}"):
        parts = list(_parts(run, settings))
    wrong = sum(len(part.faults) for part in parts)
    if as_json:
        told = {"run": str(path), "whole": not wrong}
        known = {part.name: part.to_dict() for part in parts}
        console.file.write(json.dumps(told | {"parts": known}, indent=2) + "\n")
    else:
        for part in parts:
            _tell(part, console)
    if wrong:
        raise RunFailed(f"{path}: {'one thing is' if wrong == 1 else f'{wrong} things are'} wrong")


def _parts(run: RunDirectory, settings: Sequence[str]) -> Iterator[Part]:
    books = Books(run)
    yield from books.parts()
    if books.config:  # it says where the data are
        config = configs.with_settings(books.config, settings, data_identity.MOVABLE)
        yield from Data(run, config).parts()
    else:
        yield from (Part("data", None), Part("packs", None))


def _tell(part: Part, console: Console) -> None:
    state = f"{len(part.faults)} wrong" if part.faults else "whole" if part.whole else "not read"
    line = f"{part.name:<10} {state:<9} {part.seen or ''}".rstrip()
    for each in (line, *(f"  {fault}" for fault in part.faults)):
        console.print(each, markup=False, highlight=False, soft_wrap=True)
