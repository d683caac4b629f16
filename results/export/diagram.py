"""Export as a picture of the blocks and of what they read."""

from __future__ import annotations

from pathlib import Path

from results.drawing import draw
from results.export.exporter import Exporter
from results.export.subject import Subject
from search_space.architecture import Architecture
from search_space.errors import UserError

_FILES = ("architecture.svg", "architecture.png")


def _write(subject: Subject, stage: Path) -> None:
    assert isinstance(subject.backbone, Architecture)
    draw(subject.backbone, [stage / name for name in _FILES], title=subject.name)


def _refuse(subject: Subject) -> None:
    if not isinstance(subject.backbone, Architecture):
        raise UserError(f"{subject.name}: a ResNet has no block diagram; choose a searched trial")


DIAGRAM = Exporter(
    name="diagram",
    files=_FILES,
    write=_write,
    lines=lambda _: "",
    network=False,
    refuse=_refuse,
)
