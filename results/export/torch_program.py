"""Export with ``torch.export``: a graph that needs torch alone and no source of the network, and
what labels images with it."""

from __future__ import annotations

import io
from pathlib import Path

import torch

from results.export.exporter import Exporter
from results.export.fresh_process import compare
from results.export.labels import PREDICT, labelling
from results.export.readme import GRAPH, page, tensor_notes
from results.export.subject import Subject
from results.export.sums import SUMS
from results.export.traced import check_open_sides, traced, traced_cases

LINES = """import predict
model = predict.load("model.pt2")
labels_HW = model.predict(image)"""
_RUN = """
program = torch.export.load("model.pt2").module()
run = program
label = model.predict
"""
_LOAD = '''\
def load(program: str | Path = Path(__file__).with_name("model.pt2")) -> Labeller:
    """What labels images with the program of a file, by its ``predict(image)``."""
    module = torch.export.load(program).module()

    @torch.no_grad()
    def run(x_BCHW: Array) -> Array:
        return module(torch.from_numpy(x_BCHW))[1].numpy()

    return Labeller(run, SIGHT, INTENSITIES)'''


def _write(subject: Subject, stage: Path) -> None:
    # By way of memory: on a full disk torch.export.save aborts the process.
    torch.export.save(traced(subject), buffer := io.BytesIO())
    (stage / "model.pt2").write_bytes(buffer.getbuffer())
    text = labelling(subject.spec, LINES, _LOAD, "import torch", "torch")
    (stage / PREDICT).write_text(text, encoding="utf-8")
    loading = "\n".join(LINES.splitlines()[:-1]) + _RUN
    compare(stage, loading, traced_cases(subject), pictures=subject.pictures)
    (stage / "README.md").write_text(_readme(subject), encoding="utf-8")


def _readme(subject: Subject) -> str:
    notes = f"""{tensor_notes(subject.spec, labelled=True)}

The graph alone: `torch.export.load("model.pt2").module()(x_BCHW)` gives `logits_BKHW` at the
images' size and `low_logits_BKhw` as the network has them. Any batch runs. `model.pt2` is read by
the PyTorch that wrote it, {torch.__version__}, or a later one."""
    return page(subject.spec, subject.trained, GRAPH.format("model.pt2", "PyTorch"), LINES, notes)


PROGRAM = Exporter(
    name="torch-export",
    files=("model.pt2", PREDICT, "README.md", SUMS),
    write=_write,
    lines=lambda _: LINES,
    folder="torch-export",
    refuse=lambda _: check_open_sides(),
    needs=("torch", "numpy"),
)
