"""Ledgers whose clock was set back between any two of their events."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

_LATEST = datetime(2026, 10, 25, 2, 30)
"""In central Europe this hour came twice."""
_TIMES = ("datetime_start", "datetime_complete")


def set_back(place: str | Path) -> None:
    """Every time of this journal or database becomes earlier than the one before it."""
    if "://" in str(place):
        _set_back_database(str(place))
    else:
        _set_back_journal(Path(place))


def _set_back_journal(path: Path) -> None:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    clock = (_LATEST - timedelta(minutes=each) for each in count())
    for line in lines:
        for name in _TIMES:
            if line.get(name):
                line[name] = next(clock).isoformat(timespec="microseconds")
    path.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))


def _set_back_database(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        events: list[tuple[Any, int, str]] = []
        for name in _TIMES:
            rows = connection.execute(text(f"SELECT trial_id, {name} FROM trials"))
            events += [(time, trial, name) for trial, time in rows if time]
        for number, (_, trial, name) in enumerate(sorted(events)):
            told = {"time": _LATEST - timedelta(minutes=number), "trial": trial}
            connection.execute(
                text(f"UPDATE trials SET {name} = :time WHERE trial_id = :trial"), told
            )
    engine.dispose()
