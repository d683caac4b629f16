"""``nas plan``: what a search on one's own images will do, why, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from nas import planning
from search_space.errors import UserError
from search_space.files import replacing


def plan(
    data: str, hours: float | None, output: Path | None, settings: Sequence[str], console: Console
) -> None:
    """Read the data once, measure this machine for half a minute, print every decision with its
    reason; with ``output``, write the config.

    Raises:
        UserError: for data that are none, hours that are none, or a file that cannot be written.
        RunFailed: where something is wrong with the data.
    """
    hours = planning.HOURS if hours is None else hours
    table = output and output.with_suffix(".latency.csv")
    made = planning.make(planning.values_of(data), hours, settings, console, table)
    planning.show(made, hours, console)
    if output is None:
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with replacing(output) as draft:
            draft.write_text(made.text, "utf-8")
        if table and made.config.constraints.latency_table == table.absolute():
            assert made.table is not None
            made.table.save(table)
    except OSError as error:
        raise UserError(f"{output}: cannot be written: {error.strerror}") from error
    console.print(f"wrote {output}", markup=False, highlight=False, soft_wrap=True)
