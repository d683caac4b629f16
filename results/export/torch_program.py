"""Export with ``torch.export``: a graph that needs torch alone and no source of the network."""

from __future__ import annotations

from pathlib import Path

import torch

from results.export.fresh_process import cases_of, compare
from results.export.readme import page, tensor_notes
from results.export.staging import check_folder, publish, staged
from results.export.subject import Size, Subject
from results.export.traced import smallest_side, traced

LINES = """import torch
model = torch.export.load("model.pt2").module()
logits_BKHW = model(x_B3HW)"""


def export_torch_program(subject: Subject, folder: Path) -> list[Path]:
    """Write ``model.pt2`` and ``README.md`` into the folder, made if missing.

    Raises:
        UserError: if a file is in the folder's place.
        RuntimeError: if the program does not compute what our network does; nothing is written.
    """
    check_folder(folder)
    with staged(folder) as stage:
        torch.export.save(traced(subject), stage / "model.pt2")
        cases = cases_of(lambda x: [subject.network(x)], _sizes(subject), (1, 2))
        compare(stage, _run(LINES), cases)
        (stage / "README.md").write_text(_readme(subject), encoding="utf-8")
        return publish(stage, folder, ("model.pt2", "README.md"))


def _run(lines: str) -> str:
    """The first lines of the page, as the check needs them."""
    return "\n".join(lines.splitlines()[:-1]) + "\ndef run(x): return [model(x)]\n"


def _sizes(subject: Subject) -> list[Size]:
    side = smallest_side(subject.spec.backbone)
    return [(side, side + 31), (side + 40, side)]


def _readme(subject: Subject) -> str:
    side = smallest_side(subject.spec.backbone)
    notes = f"""{tensor_notes(subject.spec)}
Here a side has at least {side} pixels; any batch runs. `model.pt2` is read by the PyTorch that
wrote it, {torch.__version__}, or a later one."""
    needs = "`model.pt2` is a graph that needs PyTorch and nothing else"
    return page(subject.spec, subject.trained, needs, LINES, notes)
