"""The scores of full trainings by class, and the classes that their networks miss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from results import units
from results.learnt import percent
from results.views.snapshot import Promoted, Snapshot

TITLE = "What full training learnt"
TEST = "test mIoU %"
MOST = 12
"""Classes that have columns: of more, those with the lowest IoU of the first network."""

WARNED = 3
"""Networks whose warnings are shown, the best ones."""

Row = list[str]


@dataclass(frozen=True)
class Lessons:
    """A table with a row for each full training, best first, and sentences: ``warnings`` of classes
    that are missed, ``notes`` of what else the table does not say."""

    headings: Sequence[str]
    rows: Sequence[Row]
    warnings: Sequence[str]
    notes: Sequence[str]


def lessons(now: Snapshot) -> Lessons | None:
    """None before a full training has ended."""
    if not now.promoted:
        return None
    ranked = sorted(now.promoted, key=lambda each: -(each.miou or 0.0))
    classes = _classes(ranked)
    tested = any(each.test_miou is not None for each in ranked)
    return Lessons(
        ["network", "mIoU %", *([TEST] if tested else []), *classes],
        [_row(each, classes, tested) for each in ranked],
        [each.warning for each in ranked if each.warning][:WARNED],
        [*_unsaid(ranked), *_notes(ranked, tested), *_left_out(ranked, classes)],
    )


def _classes(ranked: Sequence[Promoted]) -> Sequence[str]:
    known = next((each for each in ranked if each.class_iou), None)
    if known is None:
        return ()
    ious = dict(zip(known.classes, known.class_iou, strict=False))
    worst = sorted(ious, key=lambda name: -1.0 if ious[name] is None else ious[name] or 0.0)[:MOST]
    return [name for name in known.classes if name in worst]


def _row(each: Promoted, classes: Sequence[str], tested: bool) -> Row:
    ious = dict(zip(each.classes, each.class_iou, strict=False))
    miou = "–" if each.miou is None else units.percent(each.miou)
    test = [percent(each.test_miou)] if tested else []
    name = f"{each.name} ({each.where})" if each.where else each.name
    return [name, miou, *test, *(percent(ious.get(name)) for name in classes)]


def _notes(ranked: Sequence[Promoted], tested: bool) -> Iterator[str]:
    yield from (f"{said}." for each in ranked for said in each.compared)
    yield from (f"{each.name}: {each.note}." for each in ranked if each.note)
    if tested:
        yield "Test mIoU: on the test part, once per network; nothing is chosen using it."


def _unsaid(ranked: Sequence[Promoted]) -> Iterator[str]:
    warned = sum(each.warning is not None for each in ranked)
    if warned > WARNED:
        yield f"{warned - WARNED} more miss classes too; `nas status` says which."


def _left_out(ranked: Sequence[Promoted], classes: Sequence[str]) -> Iterator[str]:
    most = max((len(each.classes) for each in ranked if each.class_iou), default=0)
    if most > len(classes):
        yield f"The {len(classes)} worst of {most} classes; `nas status` shows all."
