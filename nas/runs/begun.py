"""How a full training was begun: the settings in its folder, and the release that wrote them.

A training goes on from its checkpoint under every release. But what its settings stand for may have
changed since: until ``spinenet-seg-promotion/1``, initial weights were drawn in the order of a spec,
and since then in the canonical order (docs/log.md, 2026-12-01).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.runs.directory import RunDirectory
from nas.runs.promotion_records import RECORD, read_json
from proxy_tasks.checkpoint import Checkpoint
from search_space.errors import UserError
from search_space.fields import short

SETTINGS = "settings.json"
FORMAT = "spinenet-seg-promotion/1"
"""Raised where equal settings come to mean another training: other initial weights, another loss."""


@dataclass(frozen=True)
class Begun:
    """Of the training in ``folder``, which need not be there: ``settings`` is empty where nothing is
    kept; ``trained``: it has come to a checkpoint or to its end, so that what it began with
    counts; ``earlier``: what it began with is of an earlier release."""

    folder: Path
    settings: dict[str, Any]
    trained: bool
    earlier: bool

    @classmethod
    def at(cls, folder: Path) -> Begun:
        """UserError where the settings are damaged, or of a later release."""
        kept = read_json(folder / SETTINGS)
        if (known := kept.pop("format", None)) not in (None, FORMAT):
            raise UserError(
                f"{folder / SETTINGS}: of a later release (format {short(known)}): go on with it"
                " under that one"
            )
        trained = Checkpoint(folder).state.exists() or (folder / RECORD).is_file()
        return cls(folder, kept, trained, earlier=trained and known is None)

    @property
    def ended(self) -> bool:
        return (self.folder / RECORD).is_file()


def warning(run: RunDirectory, names: Sequence[str]) -> str | None:
    """One line where trainings are about to go on that do not all mean the same by their settings.

    Args:
        names: of the trainings that go on, begin, or have ended.
    """
    found = [Begun.at(run.promotions / name) for name in names]
    old = [each.folder.name for each in found if each.earlier]
    if not old or all(each.ended for each in found):
        return None
    more = f" and {len(old) - 1} more" if len(old) > 1 else ""
    again = f"nas promote {shlex.quote(str(run.path))} ... --label again"
    return (
        f"{old[0]}{more} began under an earlier release, whose initial weights and recipe may have"
        " been others: scores of both releases differ by more than the networks; to train anew:"
        f" {again}"
    )
