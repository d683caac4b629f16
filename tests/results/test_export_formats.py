"""Exports for other tools: each is checked where it will live, and says true things of itself."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from torch import nn
from torch.export import Dim

from proxy_tasks.checkpoint import Checkpoint
from proxy_tasks.intensities import Intensities
from proxy_tasks.labelling import Labeller
from proxy_tasks.networks import build_segmenter
from proxy_tasks.running import running
from proxy_tasks.sight import Sight
from proxy_tasks.task import Fidelity, Job
from results.export import (
    huggingface,
    mmseg,
    onnx_model,
    standalone,
    timm_backbone,
    torch_program,
)
from results.export.fresh_process import NUMPY, cases_of, compare
from results.export.subject import Subject
from results.export.traced import traced_cases
from search_space import architecture_file
from search_space.errors import UserError
from search_space.scales import Scale
from tests.support.exports import (
    BACKBONE,
    CLASSES,
    INTENSITIES,
    SCALE,
    SIGHT,
    SIZE,
    imported,
    names,
    save_photos,
    save_weights,
    subject_of,
)
from tests.support.shown import Shown

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def subject(tmp_path_factory) -> Subject:
    photos = save_photos(tmp_path_factory.mktemp("photos"))
    return subject_of(save_weights(photos, tmp_path_factory.mktemp("weights")))


@pytest.fixture(scope="module")
def timm(subject, tmp_path_factory) -> ModuleType:
    folder = tmp_path_factory.mktemp("timm")
    timm_backbone.TIMM.export(subject, folder)
    return imported(folder / "spinenet_seg_backbone.py")


# The fresh process


@pytest.mark.parametrize(
    ("loading", "said"),
    [
        ("import PIL\nrun = lambda x: [x, x]", "PIL"),
        ("import torch\nrun = lambda x: [x, x]", "torch"),
        ("import search_space\nrun = lambda x: [x, x]", "search_space"),
        ("run = lambda x: [x[:1], x]", r"shapes \[\(1, 3, 4, 4\)"),
        ("run = lambda x: [x]", "shapes"),
        ("run = lambda x: [x + 1, x]", "differ from ours"),
        ("run = lambda x: [x, x * float('nan')]", "differ from ours"),
    ],
)
def test_an_export_that_needs_more_or_gives_something_else_is_found_out(loading, said, tmp_path):
    cases = cases_of(lambda x: [x, x], [(4, 4)])
    with pytest.raises(RuntimeError, match=said):
        compare(tmp_path, loading, cases, reader=NUMPY, needs=())


# timm


def test_the_timm_backbone_gives_our_maps_and_says_what_they_are(subject, timm):
    backbone = timm.create(pretrained=True).eval()
    x = torch.randn(2, 3, 51, 70)
    with torch.no_grad():
        maps, ours = backbone(x), subject.network.backbone(x)
    info = backbone.feature_info
    assert info.reduction() == [4, 8, 32]
    for level, found in ((3, maps[1]), (5, maps[2])):
        torch.testing.assert_close(found, ours[level], rtol=0, atol=1e-5)
    for found, channels, reduction in zip(maps, info.channels(), info.reduction(), strict=True):
        assert found.shape == (2, channels, -(-51 // reduction), -(-70 // reduction))


def test_a_timm_backbone_is_scripted(timm):
    backbone, x = timm.create(out_indices=(0, 2)).eval(), torch.randn(1, 3, 65, 97)
    with torch.no_grad():
        for ours, theirs in zip(backbone(x), torch.jit.script(backbone)(x), strict=True):
            assert torch.equal(ours, theirs)


def test_a_timm_features_module_is_the_one_that_makes_the_map(timm):
    backbone, seen = timm.create().eval(), {}
    for name in backbone.feature_info.module_name():
        module = backbone.get_submodule(name)
        module.register_forward_hook(lambda _m, _i, out, name=name: seen.update({name: out}))
    maps = backbone(torch.randn(1, 3, 32, 32))
    made = [seen[name] for name in backbone.feature_info.module_name()]
    assert all(torch.equal(a, b) for a, b in zip(made, maps, strict=True))


def test_timm_out_indices_choose_maps_also_from_the_end(timm):
    backbone = timm.create(out_indices=(0, -1)).eval()
    assert backbone.feature_info.out_indices == (0, 2)
    assert backbone.feature_info.reduction() == [4, 32]
    assert [m.shape[-1] for m in backbone(torch.randn(1, 3, 32, 32))] == [8, 1]
    with pytest.raises(ValueError, match="there is no map 3"):
        timm.create(out_indices=(3,))
    with pytest.raises(ValueError, match="3 channels"):
        timm.create(in_chans=4)


def test_the_networks_own_head_asks_for_no_more_after_an_export(subject, timm):
    assert subject.network.backbone.extras == set()


# mmsegmentation


@pytest.fixture(scope="module")
def mmseg_folder(subject, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("mmseg")
    mmseg.MMSEG.export(subject, folder)
    return folder


def test_the_mmseg_config_fits_backbone_neck_and_pyramid(subject, mmseg_folder):
    values: dict = {}
    exec((mmseg_folder / "deeplabv3_config.py").read_text(), values)
    head = values["model"]["decode_head"]
    parts = imported(mmseg_folder / "spinenet_seg_mmseg.py")
    maps = parts.SpineNetSegBackbone().eval()(torch.randn(1, 3, 64, 64))
    merged = parts.SpineNetSegNeck().eval()(maps)
    assert merged[head["in_index"]].shape == (1, head["in_channels"], 8, 8)
    branches = [branch[0] for branch in subject.network.aspp.branches]
    assert head["dilations"] == tuple(conv.dilation[0] for conv in branches)
    assert (head["num_classes"], head["channels"]) == (len(CLASSES), SCALE.aspp_filters)
    assert values["model"]["data_preprocessor"]["mean"] == [102.0, 127.5, 153.0]
    assert values["custom_imports"]["imports"] == ["spinenet_seg_mmseg"]
    # Without it EncoderDecoder looks for its preprocessor among mmengine's own.
    assert values["model"]["_scope_"] == "mmseg"


def test_with_mmseg_there_the_parts_are_in_its_registry_by_the_configs_names(
    mmseg_folder, monkeypatch
):
    class BaseModule(nn.Module):
        def __init__(self, init_cfg=None):
            super().__init__()
            self.given = init_cfg

    known = {}
    registry = SimpleNamespace(
        register_module=lambda name: lambda part: known.setdefault(name, part)
    )
    for name, values in {
        "mmengine": {},
        "mmengine.model": {"BaseModule": BaseModule},
        "mmseg": {},
        "mmseg.registry": {"MODELS": registry},
    }.items():
        module = ModuleType(name)
        vars(module).update(values)
        monkeypatch.setitem(sys.modules, name, module)
    imported(mmseg_folder / "spinenet_seg_mmseg.py")
    values: dict = {}
    exec((mmseg_folder / "deeplabv3_config.py").read_text(), values)
    weights = torch.load(mmseg_folder / "weights.pth", weights_only=True)
    for part in ("backbone", "neck"):
        config = dict(values["model"][part])
        built = known[config.pop("type")](**config)
        assert isinstance(built, BaseModule)
        prefix = built.given["prefix"]
        own = {k.removeprefix(prefix) for k in weights if k.startswith(prefix)}
        assert own == set(built.state_dict())


# Hugging Face


@pytest.fixture(scope="module")
def hub(subject, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "out"
    huggingface.HUGGINGFACE.export(subject, folder)
    return folder


def test_a_model_card_has_the_measured_figures_and_the_config_the_network(subject, hub):
    assert names(hub) == {
        "config.json", "preprocessor_config.json", "model.safetensors", "modeling_spinenet_seg.py",
        "README.md", "SHA256SUMS",
    }  # fmt: skip
    modes = {path.stat().st_mode for path in hub.iterdir()}
    assert len(modes) == 1  # the weights are for as many as the card
    config = json.loads((hub / "config.json").read_text())
    assert architecture_file.from_dict(config["backbone"]) == BACKBONE
    assert Scale(**config["scale"]) == SCALE
    assert config["id2label"] == {"0": "sky", "1": "grün", "2": "car"}
    card = (hub / "README.md").read_text()
    matter = yaml.safe_load(card.split("---\n")[1])
    assert matter["model-index"][0]["results"][0]["metrics"][0]["value"] == 0.4567
    parameters = sum(p.numel() for p in subject.network.parameters())
    assert f"| parameters | {parameters / 1e6:.4f} M |" in card
    assert "| mIoU, validation split | 45.7 % |" in card


def test_an_image_processor_speaks_the_words_of_transformers_and_does_what_predict_does(hub):
    module = imported(hub / "modeling_spinenet_seg.py")
    said = json.loads((hub / "preprocessor_config.json").read_text())
    assert said["image_mean"] == list(INTENSITIES.mean)
    assert said["rescale_factor"] == pytest.approx(1 / 255)
    assert (said["do_resize"], said["sight"]) == (True, {"factor": 0.5, "window": [40, 56]})
    processor, model = module.ImageProcessor.from_pretrained(hub), module.load()
    assert processor.to_dict() == said
    image = np.random.default_rng(0).integers(0, 256, (51, 78, 3), np.uint8)
    x_BCHW = processor([image, image])["pixel_values"]
    assert x_BCHW.shape == (2, 3, 26, 39)
    with torch.no_grad():
        found = processor.post_process_semantic_segmentation(
            SimpleNamespace(logits=model.forward_low(x_BCHW)), [(51, 78), (40, 30)]
        )
    expected = torch.from_numpy(model.predict(image))
    assert (found[0] == expected).float().mean() > 0.999  # two images at once round otherwise
    assert found[1].shape == (40, 30)
    with pytest.raises(ValueError, match="several sizes"):
        processor([image, image[:20]])


@pytest.mark.parametrize(
    ("sight", "size"),
    [
        (Sight(stretch=(48, 64)), {"height": 48, "width": 64}),
        (Sight(short_side=40), {"shortest_edge": 40}),
        (Sight(factor=1.0), None),
    ],
)
def test_sizes_are_said_in_transformers_words_where_it_has_them(sight, size, subject):
    said = huggingface.processor(replace(subject.spec, sight=sight))
    assert (said["size"], said["do_resize"]) == (size, size is not None)


# The traced graph: torch.export and ONNX


class Other(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, len(CLASSES), 1)
        self.low = nn.Conv2d(3, len(CLASSES), 3, stride=8, padding=1)

    def forward(self, x):
        return self.conv(x), self.low(x)


def test_a_program_of_another_network_is_not_written(subject, tmp_path, monkeypatch):
    other = Other().eval()
    shapes = ({0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC},)
    program = torch.export.export(other, (torch.randn(2, 3, 75, 86),), dynamic_shapes=shapes)
    monkeypatch.setattr(torch_program, "traced", lambda _: program)
    with pytest.raises(RuntimeError, match="differ from ours"):
        torch_program.PROGRAM.export(subject, tmp_path / "out")
    assert names(tmp_path) == set()


def test_what_a_traced_graph_is_compared_at(subject):
    """At the size trained at, with odd sides, and where coarse maps have a single row."""
    cases = traced_cases(subject)
    assert {len(x) for x, *_ in cases} == {1, 2}
    sizes = {tuple(x.shape[2:]) for x, *_ in cases}
    assert SIZE in sizes
    assert any(height % 2 and width % 2 for height, width in sizes)
    assert any(height <= 2**5 for height, _ in sizes)


@pytest.mark.parametrize("exporter", [torch_program.PROGRAM, onnx_model.ONNX])
def test_a_pytorch_without_open_sides_is_a_users_mistake(exporter, subject, tmp_path, monkeypatch):
    monkeypatch.setattr("results.export.traced.shape_rules", SimpleNamespace())
    with pytest.raises(UserError, match="too old"):
        replace(exporter, made_with=()).export(subject, tmp_path / "out")
    assert names(tmp_path) == set()


# Bands that are no colours


def test_networks_of_five_bands_of_16_bits_are_exported_as_such(tmp_path):
    scale = replace(SCALE, channels=5)
    network = build_segmenter(BACKBONE, scale, len(CLASSES), SIZE).eval()
    deep = Intensities((0.1, 0.2, 0.3, 0.4, 0.5), (0.1,) * 5, 65535)
    job = Job(0, "job", BACKBONE, Fidelity(1, SIZE, scale))
    Checkpoint(tmp_path).save_weights(network, job, Shown(CLASSES, SIGHT, deep))
    weights = Checkpoint(tmp_path).weights
    made = Subject(BACKBONE, scale, CLASSES, SIZE, weights=weights)
    standalone.PYTHON.export(made, tmp_path / "python")
    module = imported(tmp_path / "python" / "network.py")
    image = np.random.default_rng(0).integers(0, 65536, (31, 44, 5), np.uint16)
    labels = module.load().predict(image)
    assert np.array_equal(labels, Labeller(running(network), SIGHT, deep).predict(image))
    assert "(height, width, 5) uint16" in (tmp_path / "python" / "README.md").read_text()
    timm_backbone.TIMM.export(made, tmp_path / "timm")
    backbone = imported(tmp_path / "timm" / "spinenet_seg_backbone.py").create(in_chans=5)
    assert backbone.eval()(torch.randn(1, 5, 32, 32))[0].shape[2:] == (8, 8)
    mmseg.MMSEG.export(made, tmp_path / "mmseg")
    values: dict = {}
    exec((tmp_path / "mmseg" / "deeplabv3_config.py").read_text(), values)
    said = values["model"]["data_preprocessor"]
    assert (said["mean"][0], said["bgr_to_rgb"]) == (6553.5, False)
