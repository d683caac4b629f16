"""Where commands write to."""

from __future__ import annotations

import logging
import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

from search_space.printable import printable

if TYPE_CHECKING:
    from rich.console import Console


def console(quiet: bool = False) -> Console:
    """A terminal's or a notebook's own width and colours; plain and wide where neither is; silent
    if ``quiet``. Words from files are words there, whatever is in them."""
    from nas.terminal.words import WordsOnly as Console  # rich is slow to import

    if isinstance(sys.stdout, TextIOWrapper):  # an ASCII locale gets ? for ×, not a traceback
        sys.stdout.reconfigure(errors="replace")
    if quiet:
        return Console(quiet=True, force_terminal=False)
    found = Console()
    return found if is_live(found) else Console(width=140, no_color=True)


def complain(message: str) -> None:
    """On the terminal's other stream, in one line but where it is a traceback."""
    print(f"nas: {printable(message)}", file=sys.stderr)


def plain_logs() -> None:
    """What libraries say in the terminal has no escapes either, and is not of their caches."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # without a home it says so every time
    if logging.lastResort:
        logging.lastResort.setFormatter(_Printable())


class _Printable(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def is_live(console: Console) -> bool:
    """Whether what it has shown can be shown anew: in a terminal or a notebook's cell."""
    return console.is_terminal or console.is_jupyter
