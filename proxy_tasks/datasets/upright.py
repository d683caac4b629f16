"""Label maps of photographs that EXIF has turned: drawn on them as viewers show them, or on the
pixels as they are stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args

from proxy_tasks.datasets.base import Pixels
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.images import Header, read_header, read_size, turn
from proxy_tasks.datasets.listing import Pair
from search_space.errors import UserError

Exif = Literal["turn", "raw"]
"""``turn``: the photographs alone are to be turned, as label maps were drawn on them as viewers
show them; ``raw``: label maps are turned too, as they were drawn on the pixels as stored."""


def checked(text: str | None) -> Exif | None:
    """UserError for what is neither."""
    for known in get_args(Exif):
        if text == known:
            return known
    if text is not None:
        raise UserError(f"data.exif: write turn or raw, not {text!r}")
    return None


def upright(labels: Pixels, image: Path, header: Header, drawn_on: Exif | None) -> Pixels:
    """Labels as they lie on the turned image. Where the sizes tell on what they were drawn, they
    do; else ``drawn_on``. Raises Fault of the image where nothing tells."""
    if header.orientation == 1:
        return labels
    if is_untold(header):
        if drawn_on is None:
            raise untold(image)
        return turn(labels, header.orientation) if drawn_on == "raw" else labels
    return turn(labels, header.orientation) if labels.shape == header.size else labels


def is_untold(header: Header) -> bool:
    """Whether the image is turned and as large as before: upside down, mirrored, or square."""
    return header.orientation != 1 and header.size == header.turned_size


def told_by_sizes(pairs: Iterable[Pair]) -> Exif | None:
    """On what a data set's label maps were drawn, if its photographs that lie on their sides tell
    it, all alike."""
    told = {each for pair in pairs for each in _told(pair)}
    return told.pop() if len(told) == 1 else None


def note(pairs: Sequence[Pair], said: Exif | None) -> tuple[str, ...]:
    """How many photographs EXIF turns, and what becomes of their label maps. Reads each header."""
    turned = sum(_orientation(pair.image) != 1 for pair in pairs)
    drawn_on = said or told_by_sizes(pairs) if turned else None
    if drawn_on is None:
        return ()
    how = f"data.exif: {said}" if said else "by their sizes"
    labels = {
        "turn": "their label maps lie on them as viewers show them",
        "raw": "their label maps were drawn on the pixels as stored and are turned too",
    }
    number = "one photograph is" if turned == 1 else f"{turned} photographs are"
    return (f"{number} turned by EXIF; {labels[drawn_on]} ({how})",)


def _orientation(image: Path) -> int:
    try:
        return read_header(image).orientation
    except Fault:
        return 1


def _told(pair: Pair) -> Iterator[Exif]:
    try:
        header = read_header(pair.image)
        if header.size == header.turned_size:
            return
        labels = read_size(pair.label)
    except Fault:
        return
    if labels == header.turned_size:
        yield "turn"
    elif labels == header.size:
        yield "raw"


def untold(image: Path) -> Fault:
    """That nothing tells on what the label map of this image was drawn."""
    mend = (
        "write data.exif: turn where label maps were drawn on the photographs as viewers show them,"
        " data.exif: raw where on the pixels as stored (cv2, labelme's old releases)"
    )
    what = "turned by EXIF, and sizes do not tell whether"
    return Fault(
        image,
        f"is {what} its label map was: {mend}",
        kind="exif",
        summary=f"are {what} their label maps were",
        mend=mend,
    )
