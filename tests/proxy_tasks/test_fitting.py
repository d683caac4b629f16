"""What of a file of weights a network takes, and what it says of the rest."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from proxy_tasks.fitting import Fit, fit, load
from proxy_tasks.networks import Segmenter, build_segmenter
from proxy_tasks.weights_file import Known, WeightsFile
from search_space.architecture import Architecture, Block, features
from search_space.architecture_file import to_dict
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.resnet import DilatedResNet
from search_space.scales import Scale
from tests.support.torchvision_states import (
    NARROW,
    TINY,
    imagenet_state,
    tiny_state,
    torchvision_state,
)

RESNET = DilatedResNet(TINY, 8)
ALONE = Architecture(features("efficientnet-lite0"), (), (3, 4))
SPINE = Architecture(
    features("efficientnet-lite0"), (Block(4, "residual", (1, 2), output=True),), (3, 4)
)
SMALL = Scale(0.125, endpoint_filters=16, aspp_filters=16)


def network(
    backbone: Backbone = RESNET,
    classes: int = 5,
    scale: Scale = NARROW,
    size: tuple[int, int] = (513, 513),
) -> Segmenter:
    return build_segmenter(backbone, scale, classes, size)


def saved(folder: Path, backbone: Backbone, classes: int = 5, scale: Scale = SMALL) -> Path:
    """As a promotion keeps them."""
    said = {
        "backbone": to_dict(backbone),
        "scale": asdict(scale),
        "size": [64, 64],
        "classes": [f"class {index}" for index in range(classes)],
    }
    made = network(backbone, classes, scale, (64, 64))
    state = {name: torch.rand_like(v, dtype=torch.float32) for name, v in made.state_dict().items()}
    file = folder / "best.safetensors"
    save_file(state, file, {"spinenet-seg": json.dumps(said)})
    return file


def of_torch(folder: Path, state: object) -> WeightsFile:
    torch.save(state, folder / "weights.pth")
    return WeightsFile.open(folder / "weights.pth")


def told(file: WeightsFile, backbone: Backbone, **more: object) -> str:
    made = network(backbone, **more)  # type: ignore[arg-type]
    return fit(made, backbone, file).told(file).replace(str(file.path), "FILE")


def test_a_whole_deeplab_of_torchvision_is_met_and_its_auxiliary_head_left(tmp_path: Path) -> None:
    state, made = tiny_state(), network()
    file = of_torch(tmp_path, {"model": state, "epoch": 3})
    found = fit(made, RESNET, file)
    load(made, found)
    count, left = len(state), sum(name.startswith("aux_") for name in state)
    assert found.told(file) == (
        f"weights: {count - left} of {count} tensors from {file.path};"
        " left: aux_classifier (no place here)"
    )
    assert torch.equal(made.classifier.bias, state["classifier.4.bias"])  # type: ignore[arg-type]
    assert torch.equal(made.backbone.stem[0][0].weight, state["backbone.conv1.weight"])  # type: ignore[index, union-attr]


def test_with_other_classes_rates_and_stride_the_line_says_each(tmp_path: Path) -> None:
    file = of_torch(tmp_path, tiny_state())
    said = told(file, replace(RESNET, output_stride=16), classes=3, size=(96, 96))
    assert said.partition("; ")[2] == (
        "left: classifier.4 (5 classes there, 3 here), aux_classifier (no place here);"
        " drawn anew: classifier; its output stride is 8, here 16;"
        " its atrous rates are 12 24 36, here 1 2 3"
    )


def test_another_head_takes_the_layers_that_fit(tmp_path: Path) -> None:
    plus = replace(RESNET, head="deeplabv3+")
    said = told(of_torch(tmp_path, tiny_state()), plus)
    assert "left: classifier.1 (no place here), classifier.2 (no place here)" in said
    assert said.endswith("drawn anew: decoder")


def test_a_layer_is_taken_whole_or_not_at_all(tmp_path: Path) -> None:
    state = tiny_state()
    state["classifier.0.project.0.weight"] = torch.rand(16, 81, 1, 1)
    file, made = of_torch(tmp_path, state), network()
    found = fit(made, RESNET, file)
    assert not any(name.startswith("aspp.project") for name in found.met)
    assert "classifier.0.project.0 ((16, 81, 1, 1) there, (16, 80, 1, 1) here)" in found.told(file)


def test_imagenets_classifier_gives_the_backbone(tmp_path: Path) -> None:
    state = imagenet_state()
    said = told(of_torch(tmp_path, state), RESNET)
    assert said == (
        f"weights: {len(state) - 2} of {len(state)} tensors from FILE; left: fc (no place here);"
        " drawn anew: aspp, decoder, classifier"
    )


def test_a_first_layer_for_grey_images_is_the_mean_over_the_colours(tmp_path: Path) -> None:
    state = imagenet_state()
    found = fit(network(scale=replace(NARROW, channels=1)), RESNET, of_torch(tmp_path, state)).met[
        "backbone.stem.0.0.weight"
    ]
    assert torch.equal(found, state["conv1.weight"].sum(1, keepdim=True))


def test_a_resnet_encoder_takes_torchvisions_backbone(tmp_path: Path) -> None:
    state = torchvision_state("resnet-18")
    shallow = Architecture(features("resnet-18"), (), (3, 4))
    said = told(of_torch(tmp_path, state), shallow, scale=SMALL, size=(64, 64))
    left = sum(name.startswith(("fc.", "layer4.")) for name in state)
    assert said == (
        f"weights: {len(state) - left} of {len(state)} tensors from FILE;"
        " left: layer4 (no place here), fc (no place here);"
        " drawn anew: endpoints, aspp, decoder, classifier"
    )
    made = network(shallow, scale=SMALL)
    found = fit(made, shallow, of_torch(tmp_path, state))
    assert found.encoder
    name = "backbone.encoder.levels.3.0.body.1.0.weight"
    assert torch.equal(found.met[name], state["layer2.0.conv2.weight"])


def test_a_part_of_other_shapes_throughout_is_named_once(tmp_path: Path) -> None:
    wide = replace(NARROW, aspp_filters=24)
    assert "left: classifier (other shapes here), aux" in told(
        of_torch(tmp_path, tiny_state()), RESNET, scale=wide
    )


def test_our_own_are_met_whole_or_but_for_the_classes(tmp_path: Path) -> None:
    file = WeightsFile.open(saved(tmp_path, SPINE))
    count = len(file.tensors)
    small = {"scale": SMALL, "size": (64, 64)}
    assert told(file, SPINE, **small) == f"weights: {count} of {count} tensors from FILE"
    assert told(file, SPINE, classes=3, **small) == (
        f"weights: {count - 2} of {count} tensors from FILE;"
        " left: classifier (5 classes there, 3 here); drawn anew: classifier"
    )


def test_another_spine_on_the_same_encoder_takes_the_encoder(tmp_path: Path) -> None:
    file = WeightsFile.open(saved(tmp_path, SPINE))
    found: Fit = fit(network(ALONE, scale=SMALL), ALONE, file)
    assert found.encoder
    assert {n for n in file.tensors if n.startswith("backbone.encoder.")} <= set(found.met)
    other = Architecture(SPINE.stem, (replace(SPINE.blocks[0], dilation=2),), (3, 4))
    made = network(other, scale=SMALL)
    met = fit(made, other, file).met
    assert not any(name.startswith("backbone.blocks.") for name in met)
    assert any(name.startswith("backbone.blocks.") for name in made.state_dict())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer4.0.conv3.weight": None}, r"stages\.3\.0\.body\.2\.0\.weight is missing"),
        ({"layer1.0.conv1.weight": (8, 8, 3, 3)}, r"has shape \(8, 8, 3, 3\), not \(8, 8, 1, 1\)"),
        ({"layer4.2.conv1.weight": (8,)}, "1-2-2-3 blocks, and this one has 1-2-2-2"),
    ],
)
def test_another_resnet_is_refused_in_one_line(
    tmp_path: Path, change: dict[str, tuple[int, ...] | None], message: str
) -> None:
    state: dict[str, Tensor] = imagenet_state()
    for name, shape in change.items():
        state.pop(name, None)
        if shape:
            state[name] = torch.rand(shape)
    with pytest.raises(UserError, match=message) as caught:
        fit(network(), RESNET, of_torch(tmp_path, state))
    assert "\n" not in str(caught.value)


def test_weights_of_another_backbone_are_refused(tmp_path: Path) -> None:
    file = WeightsFile.open(saved(tmp_path, ALONE))
    with pytest.raises(UserError, match=r"of another backbone, with the key [0-9a-f]{16}, not "):
        fit(network(), RESNET, file)
    with pytest.raises(UserError, match="this network stands on none"):
        fit(network(ALONE, scale=SMALL), ALONE, of_torch(tmp_path, tiny_state()))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.pth", None, "no such file"),
        ("text.pth", b"weights", "damaged, or more than a state dict's tensors"),
        ("text.safetensors", b"weights", "damaged"),
    ],
)
def test_a_wrong_file_is_answered_in_one_line(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        WeightsFile.open(tmp_path / name)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


@pytest.mark.parametrize("state", [{"a": torch.zeros(1)}, [1], {"conv1.weight": 3}, {}])
def test_a_file_of_something_else_is_none_of_torchvision(tmp_path: Path, state: object) -> None:
    with pytest.raises(UserError, match="not a state dict"):
        of_torch(tmp_path, state)


def test_an_export_says_in_its_config_what_it_is_of(tmp_path: Path) -> None:
    state = {"a": torch.zeros(1)}
    save_file(state, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="does not say what network it is"):
        Known.of(tmp_path / "model.safetensors")
    config = {"backbone": to_dict(SPINE), "image_mean": [0.4] * 3, "image_std": [0.2] * 3}
    (tmp_path / "config.json").write_text(json.dumps(config))
    known = Known.of(tmp_path / "model.safetensors")
    assert known.backbone == SPINE
    assert known.intensities.mean == (0.4,) * 3
    assert WeightsFile.open(tmp_path / "model.safetensors").tensors.keys() == state.keys()
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(UserError, match=r"config.json: does not say"):
        Known.of(tmp_path / "model.safetensors")
