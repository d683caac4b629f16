"""What all our figures share: colours for colour-blind eyes, and files that are reproducible."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from search_space.errors import UserError
from search_space.files import replacing

# Okabe and Ito, https://jfly.uni-koeln.de/color/
BLUE, GREEN, VERMILLION, PURPLE = "#0072B2", "#009E73", "#D55E00", "#CC79A7"
INK, SOFT, FAINT = "#1A1A1A", "#666666", "#B5B5B5"

FORMATS = {".png": "png", ".svg": "svg"}

_STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "svg.fonttype": "none",  # text stays text: it can be searched and read aloud
    "svg.hashsalt": "spinenet-seg",
    "text.parse_math": False,
    "axes.unicode_minus": False,
}

Paths = str | Path | Sequence[str | Path]


@contextmanager
def style() -> Iterator[None]:
    """The settings that every figure is made and saved under, whatever the user's own."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty white figure of that many inches, apart from pyplot's global state."""
    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, paths: Paths, title: str | None) -> list[Path]:
    """Write the figure to every path, by suffix (.png, .svg); same figure, same bytes.

    Raises:
        UserError: for another suffix, or a folder that cannot be written.
    """
    written = check_paths(paths)
    for path in written:
        _write(path, encoded(figure, FORMATS[path.suffix.lower()], title))
    return written


def encoded(figure: Figure, form: str, title: str | None) -> bytes:
    """The figure as a file's content; ``form`` is one of the values of FORMATS."""
    metadata: dict[str, str | None] = (
        {"Software": None} if form == "png" else {"Date": None, "Creator": None}
    )
    if title:
        metadata["Title"] = title
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, dpi=160, metadata=metadata)
    return buffer.getvalue()


def check_paths(paths: Paths) -> list[Path]:
    """The paths as a list. UserError for a suffix that is not drawn."""
    listed = [paths] if isinstance(paths, str | Path) else list(paths)
    for path in map(Path, listed):
        if path.suffix.lower() not in FORMATS:
            raise UserError(f"{path}: a figure is written as {' or '.join(FORMATS)}")
    return [Path(path) for path in listed]


def _write(path: Path, data: bytes) -> None:
    try:
        with replacing(path) as draft:
            draft.write_bytes(data)
    except OSError as error:
        raise UserError(f"{path}: the figure cannot be written: {error.strerror}") from None
