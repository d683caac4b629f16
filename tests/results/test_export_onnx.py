"""The ONNX export: any size, other tools of ONNX Runtime, and what it says of itself."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from results.export import onnx_model, onnx_sizes
from results.export.subject import Subject
from results.export.traced import gather_nearest
from tests.support.exports import (
    CLASSES,
    INTENSITIES,
    names,
    save_photos,
    save_weights,
    subject_of,
)

torch.set_num_threads(1)

RESIZED_OTHERWISE = (1, 3, 488, 24)
"""An image for which ONNX's own Resize, from level 5 to 2, takes other pixels than PyTorch."""


@pytest.fixture(scope="module")
def subject(tmp_path_factory) -> Subject:
    photos = save_photos(tmp_path_factory.mktemp("photos"))
    return subject_of(save_weights(photos, tmp_path_factory.mktemp("weights")))


@pytest.fixture(scope="module")
def onnx_folder(subject, tmp_path_factory) -> Path:
    if missing := [name for name in onnx_model.ONNX.made_with if find_spec(name) is None]:
        pytest.skip(f"{', '.join(missing)} not installed: pip install -e '.[export]'")
    folder = tmp_path_factory.mktemp("onnx") / "out"
    assert {path.name for path in onnx_model.ONNX.export(subject, folder)} == names(folder)
    return folder


def test_an_onnx_model_is_prepared_for_quantisation(onnx_folder, tmp_path):
    from onnxruntime.quantization import shape_inference

    prepared = tmp_path / "prepared.onnx"
    shape_inference.quant_pre_process(onnx_folder / "model.onnx", prepared)
    assert prepared.stat().st_size > 0


def test_the_operators_that_latency_is_measured_of_are_those_of_the_export(onnx_folder, subject):
    import onnx

    from results.latency.graphs import model_of
    from search_space.cost.graph import Graph
    from search_space.latency.operators import operators

    graph = Graph(subject.backbone, subject.scale, len(subject.classes), subject.size)
    laid = operators(graph)
    ours = model_of(laid, subject.scale.channels, np.random.default_rng(0))
    onnx.checker.check_model(ours)
    theirs = onnx.load(onnx_folder / "model.onnx")
    count = {
        kind: [sum(node.op_type == kind for node in each.graph.node) for each in (theirs, ours)]
        for kind in ("Conv", "MaxPool", "Gather", "Resize", "ReduceMean", "Expand", "Relu", "Pad")
    }
    assert [kind for kind, (exported, made) in count.items() if exported != made] == []
    maps = sum(each.operator.inputs - 1 for each in laid if each.operator.kind == "sum")
    expanded = sum(each.operator.kind == "expand" for each in laid)
    assert sum(node.op_type == "Sum" for node in theirs.graph.node) == maps + expanded


def test_maps_that_meet_are_told_to_be_of_one_size(tmp_path, monkeypatch):
    """An up-sampled map is joined with, and added to, one of a strided convolution, whose size has
    another formula."""
    onnx, helper = pytest.importorskip("onnx"), pytest.importorskip("onnx.helper")
    onnxruntime = pytest.importorskip("onnxruntime")
    from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference

    graph = onnx.parser.parse_graph("""
        met (float[batch, 2, height, width] x) => (float[batch, 4, h, w] joined,
                                                    float[batch, 2, h, w] added)
        <float[2, 2, 3, 3] kernel, int64[1] one = {1}, int64[1] two = {2},
         float[batch, 2, h, w] up, float[batch, 2, h, w] fine>
        {
            fine = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(x, kernel)
            coarse = Conv<strides = [2, 2], pads = [1, 1, 1, 1]>(fine, kernel)
            channels = Shape<start = 0, end = 2>(coarse)
            sides = Shape<start = 2, end = 4>(x)
            more = Add(sides, one)
            half = Div(more, two)
            sizes = Concat<axis = 0>(channels, half)
            up = Resize(coarse, , , sizes)
            joined = Concat<axis = 1>(up, fine)
            added = Add(up, fine)
        }""")
    kernel = np.random.default_rng(0).normal(size=(2, 2, 3, 3)).astype(np.float32)
    graph.initializer.append(onnx.numpy_helper.from_array(kernel, "kernel"))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    x = np.random.default_rng(1).normal(size=(1, 2, 13, 22)).astype(np.float32)

    def run():
        return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})

    monkeypatch.chdir(tmp_path)  # it leaves a file where it gives up
    with pytest.raises(Exception, match="Incomplete symbolic shape inference"):
        SymbolicShapeInference.infer_shapes(model)
    before = run()
    onnx_sizes.follow_sizes(model)
    onnx.checker.check_model(model)
    SymbolicShapeInference.infer_shapes(model)
    assert all(np.array_equal(a, b) for a, b in zip(before, run(), strict=True))


def test_an_onnx_model_runs_at_any_size_and_says_what_it_takes(subject, onnx_folder):
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx_folder / "model.onnx")
    (image,) = session.get_inputs()
    assert (image.name, image.shape) == ("image", ["batch", 3, "height", "width"])
    for shape in ((3, 3, 29, 83), (1, 3, 1, 1), RESIZED_OTHERWISE):
        x = torch.randn(*shape)
        with torch.no_grad():
            ours = subject.network(x)
        found = torch.from_numpy(session.run(["logits"], {"image": x.numpy()})[0])
        atol = max(1e-4, 1e-5 * float(ours.abs().max()))
        torch.testing.assert_close(found, ours, rtol=0, atol=atol)
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["classes"]) == list(CLASSES)
    assert json.loads(metadata["smallest"]) == 2 * 2**5 + 1  # block 2: dilation 2, level 5
    assert json.loads(metadata["mean"]) == list(INTENSITIES.mean)
    assert json.loads(metadata["std"]) == list(INTENSITIES.std)
    assert json.loads(metadata["sight"]) == {"factor": 0.5, "window": [40, 56]}


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("sizes", [(1, 1), (1, 7), (3, 10), (16, 122), (4, 110), (6, 165)])
def test_gathered_pixels_are_those_of_pytorchs_up_sampling(sizes, layout):
    """Of the last three the exact quotients would give other pixels."""
    small, large = sizes
    x = torch.arange(2.0 * 3 * small * (small + 1)).reshape(2, 3, small, small + 1)
    x, size = x.contiguous(memory_format=layout), (large, 2 * large + 1)
    assert torch.equal(gather_nearest(x, size), F.interpolate(x, size=size, mode="nearest"))
