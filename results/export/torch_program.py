"""Export with ``torch.export``: a graph that needs torch alone and no source of the network."""

from __future__ import annotations

from pathlib import Path

import torch

from results.export.fresh_process import compare
from results.export.readme import page, tensor_notes
from results.export.staging import check_folder, publish, staged
from results.export.subject import Subject
from results.export.traced import traced, traced_cases

LINES = """import torch
model = torch.export.load("model.pt2").module()
logits_BKHW = model(x_B3HW)"""


def export_torch_program(subject: Subject, folder: Path) -> list[Path]:
    """Write ``model.pt2`` and ``README.md`` into the folder, made if missing.

    Raises:
        UserError: if a file is in the folder's place, or PyTorch is too old.
        RuntimeError: if the program does not compute what our network does; nothing is written.
    """
    check_folder(folder)
    with staged(folder) as stage:
        torch.export.save(traced(subject), stage / "model.pt2")
        compare(stage, _run(LINES), traced_cases(subject))
        (stage / "README.md").write_text(_readme(subject), encoding="utf-8")
        return publish(stage, folder, ("model.pt2", "README.md"))


def _run(lines: str) -> str:
    """The first lines of the page, as the check needs them."""
    return "\n".join(lines.splitlines()[:-1]) + "\ndef run(x): return [model(x)]\n"


def _readme(subject: Subject) -> str:
    notes = f"""{tensor_notes(subject.spec)}
Any batch runs. `model.pt2` is read by the PyTorch that wrote it, {torch.__version__}, or a later
one."""
    needs = "`model.pt2` is a graph that needs PyTorch and nothing else"
    return page(subject.spec, subject.trained, needs, LINES, notes)
