"""Words from files as people see them: a name of a trial, a class or a file must not steer the
terminal that shows it, nor turn round the letters of a page."""

from __future__ import annotations

import json
import re

_CONTROLS = re.compile(r"[^ -~]")
"""All that may not be printable: what is left is ASCII's printable characters."""


def printable(text: str) -> str:
    """Without what is not printable, such as escapes and marks of direction; lines stay lines."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c for c in text if c.isprintable() or c == "\n")


def one_line(text: str) -> str:
    """Printable, with spaces in the place of what breaks a line."""
    if text.isprintable():
        return text
    return printable(" ".join(text.splitlines()))


def brief(text: str, most: int = 1000) -> str:
    """On one line that is read to its end: of a long one, such as of a file that holds a novel in
    the place of a name, the beginning and the end."""
    line = one_line(text)
    return line if len(line) <= most else f"{line[: most // 2]} ... {line[-most // 2 :]}"


def escaped(text: str) -> str:
    """Of JSON: the same values, with what is not printable as ``\\u`` has it."""
    return _CONTROLS.sub(lambda c: c[0] if c[0].isprintable() else json.dumps(c[0])[1:-1], text)
