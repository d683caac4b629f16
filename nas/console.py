"""Where commands write to."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console() -> Console:
    """A terminal's own width and colours; plain and wide where none is."""
    from rich.console import Console

    if isinstance(sys.stdout, TextIOWrapper):  # an ASCII locale gets ? for ×, not a traceback
        sys.stdout.reconfigure(errors="replace")
    found = Console()
    return found if found.is_terminal else Console(width=140, no_color=True)
