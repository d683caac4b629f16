"""Where commands write to."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console(quiet: bool = False) -> Console:
    """A terminal's or a notebook's own width and colours; plain and wide where neither is; silent
    if ``quiet``."""
    from rich.console import Console

    if isinstance(sys.stdout, TextIOWrapper):  # an ASCII locale gets ? for ×, not a traceback
        sys.stdout.reconfigure(errors="replace")
    if quiet:
        return Console(quiet=True, force_terminal=False)
    found = Console()
    return found if is_live(found) else Console(width=140, no_color=True)


def is_live(console: Console) -> bool:
    """Whether what it has shown can be shown anew: in a terminal or a notebook's cell."""
    return console.is_terminal or console.is_jupyter
