"""Export as a block spec: the file that the catalogue, promotion and the reports all read."""

from __future__ import annotations

from pathlib import Path

from results.export.exporter import Exporter
from results.export.subject import Subject
from search_space import architecture_file

_FILE = "architecture.yaml"
_LINES = f"""from search_space import architecture_file
backbone = architecture_file.load("{_FILE}")"""


def _write(subject: Subject, stage: Path) -> None:
    """Provenance (run, trial, controller, scores) is kept apart from the structure."""
    architecture_file.save(stage / _FILE, subject.backbone, dict(subject.provenance))


SPEC = Exporter(
    name="spec",
    files=(_FILE,),
    write=_write,
    lines=lambda _: _LINES,
    network=False,
    needs=("search_space",),
)
