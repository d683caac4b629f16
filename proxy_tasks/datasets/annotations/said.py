"""What is said of shapes: what is wrong with all of them, in one line, and what was decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from proxy_tasks.datasets.annotations.naming import BACKGROUND, Naming
from proxy_tasks.datasets.annotations.painting import Overlap, Tally
from proxy_tasks.datasets.annotations.reading import Picture, Reading
from proxy_tasks.datasets.annotations.shapes import Size
from proxy_tasks.datasets.faults import Fault

_ON_TOP: dict[Overlap, str] = {
    "file": "later ones in the file lie on top; data.overlap: small puts small ones on top",
    "small": "small ones lie on top, as data.overlap says",
}


def choices(classes: Sequence[str]) -> str:
    """What pixels may be that no shape covers, as lines to paste."""
    named = [name for name in classes if name != BACKGROUND]
    return (
        "write data.uncovered: background, for a class of its own, data.uncovered: void, for"
        f" neither trained on nor scored, or a class, as in data.uncovered: {named[0]}"
    )


def uncovered(seen: Sequence[Tally], source: Path, classes: Sequence[str]) -> tuple[Fault, ...]:
    """A fault where a sample of images has pixels of which nobody said what they are."""
    rest, pixels = sum(t.uncovered for t in seen), sum(t.pixels for t in seen)
    if not rest:
        return ()
    what = f"leaves {_percent(rest, pixels)} of the pixels uncovered (in {_images(len(seen))})"
    return (Fault(source, f"{what}: {choices(classes)}"),)


def uncovered_in(image: Path, tally: Tally, classes: Sequence[str]) -> Fault:
    """The same of one image."""
    share = _percent(tally.uncovered, tally.pixels)
    return Fault(
        image,
        f"has {share} of its pixels in no shape: {choices(classes)}",
        kind="uncovered",
        summary="have pixels that no shape covers",
        mend=choices(classes),
    )


def other_size(image: Path, drawn: Size, there: Size) -> Fault:
    """Of an image that is not as large as the one that was annotated."""
    shown = [f"{height}x{width}" for height, width in (drawn, there)]
    mend = "use the images that were annotated, or export again"
    return Fault(
        image,
        f"is {shown[1]} but its shapes were drawn on {shown[0]}: {mend}",
        kind="drawn size",
        summary="are not of the size that their shapes were drawn on",
        mend=mend,
    )


def unknown(reading: Reading, naming: Naming) -> list[Fault]:
    """One fault for all shapes whose labels are no class."""
    labels = (area.label for picture in reading.pictures for area in picture.areas)
    counted = Counter(label for label in labels if label not in naming.meaning)
    if not counted:
        return []
    shown = ", ".join(f"{label!r} {number:,}" for label, number in counted.most_common())
    paste = ", ".join(f"{label}: void" for label in counted)
    shapes = "one shape" if counted.total() == 1 else f"{counted.total():,} shapes"
    what = f"has {shapes} with labels that data.classes lacks ({shown})"
    return [Fault(reading.source, f"{what}: add them, or write data.values: {{{paste}}}")]


def overlaps(seen: Sequence[Tally], overlap: Overlap) -> list[str]:
    """A note where shapes of different classes overlap."""
    contested = [tally.contested for tally in seen if tally.contested]
    if not contested:
        return []
    share = _percent(sum(contested), sum(tally.pixels for tally in seen))
    have = "has" if len(contested) == 1 else "have"
    return [
        f"{len(contested):,} of {_images(len(seen))} {have} overlapping shapes of different classes"
        f" ({share} of pixels): {_ON_TOP[overlap]}"
    ]


def bare(pictures: Sequence[Picture], rest: str) -> list[str]:
    """A note about images without shapes: drawn on and empty, or never drawn on."""
    number = sum(not picture.areas for picture in pictures)
    have = "has" if number == 1 else "have"
    text = f"{number:,} of {_images(len(pictures))} {have} no shape at all: {rest} throughout"
    return [text] if number else []


def _percent(part: int, whole: int) -> str:
    share = 100 * part / max(1, whole)
    return f"{share:.1f} %" if share >= 0.05 else "under 0.1 %"


def _images(number: int) -> str:
    return "one image" if number == 1 else f"{number:,} images"
