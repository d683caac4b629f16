"""Export to ONNX, with batch, height and width left open, and what labels images with it."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import torch

from results.export.ending import NetworkSpec
from results.export.exporter import Exporter
from results.export.fresh_process import NUMPY, Case, compare
from results.export.labels import PREDICT, labelling
from results.export.onnx_sizes import follow_sizes
from results.export.readme import GRAPH, page, tensor_notes
from results.export.subject import Subject
from results.export.sums import SUMS
from results.export.traced import check_open_sides, traced, traced_cases

TOLERANCE, RELATIVE = 1e-4, 1e-5
"""Largest difference of a logit that passes, and the same as a share of the largest logit, for
networks whose logits exceed ten: ONNX Runtime sums in another order than PyTorch."""

LINES = """import predict
model = predict.load("model.onnx")
labels_HW = model.predict(image)"""
_RUN = """
import onnxruntime
session = onnxruntime.InferenceSession("model.onnx")
def run(x): return session.run(["logits", "low_logits"], {"image": x})
label = model.predict
"""
_LOAD = '''\
def load(model: str | Path = Path(__file__).with_name("model.onnx"), **options: Any) -> Labeller:
    """What labels images with the model of a file, by its ``predict(image)``.

    Args:
        options: of onnxruntime.InferenceSession, as its ``providers``.
    """
    session = onnxruntime.InferenceSession(model, **options)
    wanted = onnxruntime.RunOptions()
    wanted.only_execute_path_to_fetches = True  # the logits of a whole image would fill memory

    def run(x_BCHW: Array) -> Array:
        return session.run(["low_logits"], {"image": x_BCHW}, wanted)[0]

    return Labeller(run, SIGHT, INTENSITIES)'''
_AXES = ("batch", None, "height", "width")


def _write(subject: Subject, stage: Path) -> None:
    save_model(subject, stage / "model.onnx")
    text = labelling(subject.spec, LINES, _LOAD, "import onnxruntime", "ONNX Runtime")
    (stage / PREDICT).write_text(text, encoding="utf-8")
    _check(stage, subject, traced_cases(subject))
    (stage / "README.md").write_text(_readme(subject), encoding="utf-8")


def save_model(subject: Subject, path: Path) -> None:
    """The graph alone, unchecked. Its metadata hold ``classes``, ``palette``, ``sight``, ``mean``,
    ``std``, ``top``, ``size``, ``smallest`` and ``provenance`` as JSON."""
    import onnx

    graph = traced(subject, gathered=True)
    with _quiet():
        program = torch.onnx.export(
            graph,
            (),
            input_names=["image"],
            output_names=["logits", "low_logits"],
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _name_axes(model)
    follow_sizes(model)
    onnx.helper.set_model_props(model, _metadata(subject.spec))
    onnx.checker.check_model(model)
    onnx.save(model, path)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says of itself: deprecations in its code, torchvision missing."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _name_axes(model: Any) -> None:
    """The open axes by their names instead of the tracer's, wherever they stand."""
    axes = model.graph.input[0].type.tensor_type.shape.dim
    names = {axis.dim_param: name for axis, name in zip(axes, _AXES, strict=True) if name}
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param in names:
                axis.dim_param = names[axis.dim_param]


def _metadata(spec: NetworkSpec) -> dict[str, str]:
    values = {
        "classes": spec.classes,
        "palette": spec.palette,
        "sight": spec.sight.to_dict(),
        "mean": spec.intensities.mean,
        "std": spec.intensities.std,
        "top": spec.intensities.top,
        "size": spec.size,
        "smallest": spec.smallest,
        "provenance": spec.provenance,
    }
    return {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()}


def _check(stage: Path, subject: Subject, cases: list[Case]) -> None:
    largest = max(float(logits.abs().max()) for _, logits, _ in cases)
    compare(
        stage,
        "\n".join(LINES.splitlines()[:-1]) + _RUN,
        cases,
        pictures=subject.pictures,
        reader=NUMPY,
        needs=("onnxruntime",),
        tolerance=max(TOLERANCE, RELATIVE * largest),
    )


def _readme(subject: Subject) -> str:
    notes = f"""{tensor_notes(subject.spec, labelled=True)}

The graph alone: `onnxruntime.InferenceSession("model.onnx").run(None, {{"image": x_BCHW}})` gives
`logits` at the images' size and `low_logits` as the network has them. Any batch runs.
`get_modelmeta().custom_metadata_map` of the session holds classes, palette, sight, mean, std, top
and smallest (that number of pixels) as JSON."""
    return page(
        subject.spec, subject.trained, GRAPH.format("model.onnx", "ONNX Runtime"), LINES, notes
    )


ONNX = Exporter(
    name="onnx",
    files=("model.onnx", PREDICT, "README.md", SUMS),
    write=_write,
    lines=lambda _: LINES,
    folder="onnx",
    refuse=lambda _: check_open_sides(),
    needs=("onnxruntime", "numpy"),
    made_with=("onnx", "onnxscript", "onnxruntime"),
    extra="export",
    ties=1e-4,
)
