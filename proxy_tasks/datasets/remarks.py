"""What a fingerprint has to say: faults in the labels as a whole, and what may be meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from proxy_tasks.datasets.base import PARTS, Split
from proxy_tasks.datasets.faults import Fault
from proxy_tasks.datasets.traits import Fingerprint, Twin

_SHOWN = 3
_PLACES: dict[Split, str] = {"train": "training", "val": "validation", "test": "test"}


def unlabelled(found: Fingerprint) -> list[Fault]:
    """A fault for each part that could be read and has no labelled pixel."""
    return [
        Fault(Path(part), "has no labelled pixel: all its label maps are void throughout")
        for part in PARTS
        if (traits := found.parts[part]).read and not any(traits.pixels)
    ]


def remarks(found: Fingerprint) -> tuple[str, ...]:
    """Notes, a line each."""
    return (
        *_untrained(found),
        *_unmeasured(found),
        *_void_images(found),
        *_alike(found),
        *_shallow(found),
    )


def _untrained(found: Fingerprint) -> Iterator[str]:
    for index, name in enumerate(found.classes):
        if not found.parts["train"].images[index]:
            validated = found.parts["val"].images[index]
            yield f"class {name!r} is in no training image" + (
                ", but in validation: its IoU will be 0" if validated else ""
            )


def _unmeasured(found: Fingerprint) -> Iterator[str]:
    for part in ("val", "test"):
        traits = found.parts[part]
        missing = [
            repr(name)
            for name, trained, here in zip(
                found.classes, found.parts["train"].images, traits.images, strict=True
            )
            if trained and not here
        ]
        if any(traits.pixels) and missing:
            yield f"in no {_PLACES[part]} image, so without a score there: {', '.join(missing)}"


def _void_images(found: Fingerprint) -> Iterator[str]:
    parts: tuple[Split, ...] = ("train", "test") if found.folded else PARTS
    for part in parts:
        if names := found.parts[part].unlabelled:
            yield f"{_number(len(names))} of {part} without a labelled pixel: {_some(names)}"


def _alike(found: Fingerprint) -> Iterator[str]:
    for exact, how in ((True, "the same pixels as"), (False, "nearly the same pixels as")):
        if pairs := [twin for twin in found.twins if twin.exact == exact]:
            shown = _some([_pair(twin) for twin in pairs])
            has = "has" if len(pairs) == 1 else "have"
            advice = "scores on images that are trained on mean nothing"
            if all(twin.part == "train" for twin in pairs):
                advice = "keep them in one fold"
            yield f"{_number(len(pairs))} {has} {how} another: {shown}; {advice}"


def _pair(twin: Twin) -> str:
    return f"{twin.part} {twin.name} = {twin.other_part} {twin.other}"


def _shallow(found: Fingerprint) -> Iterator[str]:
    if found.bits < found.depth == 16:
        yield f"images have 16 bits per channel and use {found.bits} of them"


def _number(images: int) -> str:
    return "one image" if images == 1 else f"{images:,} images"


def _some(names: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
