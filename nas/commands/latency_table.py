"""``nas latency measure``: a table of this device. Imports what a bare device has: no torch, no
config."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from results.build_options import parse_size
from results.latency import measure as measuring
from results.latency.sample import usual
from search_space.errors import UserError

LONGEST = 3600.0
"""Seconds of measuring."""


def measure(
    output: Path, runtime: str, threads: int, seconds: float, size: str | None, console: Console
) -> None:
    """Write a table of this device. UserError where nothing can be measured or written."""
    measuring.check(runtime, threads)
    if not 0 < seconds <= LONGEST:
        raise UserError(f"--seconds {seconds:g}: must be above 0 and at most {LONGEST:g}")
    if output.is_dir() or not output.absolute().parent.is_dir():
        raise UserError(f"{output}: cannot be written: give a file in a folder that is there")
    subjects = usual(None if size is None else parse_size(size))
    with console.status("measuring") as status:
        table = measuring.measured(
            subjects,
            seconds,
            threads,
            lambda count, part: status.update(f"measuring: {count} networks, {100 * part:.0f} %"),
        )
    table.save(output)
    told = table.measured
    threaded = "1 thread" if told.threads == 1 else f"{told.threads} threads"
    console.print(
        f"wrote {output}: {len(table.rows):,} operators on {told.device}, {told.runtime},"
        f" {threaded}, {told.date}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
