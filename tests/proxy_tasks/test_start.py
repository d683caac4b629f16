"""What a training starts from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from proxy_tasks.flat import FlatTensors
from proxy_tasks.intensities import NATURAL, Intensities
from proxy_tasks.networks import Segmenter, build_segmenter
from proxy_tasks.recipe import Recipe
from proxy_tasks.start import USUAL, Start, as_if_begun
from search_space.architecture import Architecture, features
from search_space.errors import UserError
from search_space.resnet import DilatedResNet
from search_space.scales import Scale
from tests.support.torchvision_states import NARROW, TINY, tiny_state, torchvision_state

RESNET = DilatedResNet(TINY, 8)
DARK = Intensities((0.1, 0.1, 0.1), (0.1, 0.1, 0.1), top=65535)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.save(tiny_state(), tmp_path / "weights.pth")
    return tmp_path / "weights.pth"


def begun(start: Start, **recipe: float) -> Segmenter:
    network = build_segmenter(RESNET, NARROW, 3, (64, 64))
    start.begin(network, RESNET, Recipe(**recipe))  # type: ignore[arg-type]
    return network


def test_a_backbone_out_of_a_file_learns_at_the_rate_of_what_is_pretrained(file: Path) -> None:
    assert FlatTensors(begun(USUAL)).slow_weights.numel() == 0
    flat = FlatTensors(begun(Start(file)))
    assert flat.slow_weights.numel() > 0
    assert flat.weights.numel() > 0


def test_at_no_rate_it_stays_with_the_statistics_of_its_batch_norms(file: Path) -> None:
    network = begun(Start(file), encoder_rate=0.0)
    before = {name: value.clone() for name, value in network.backbone.state_dict().items()}
    network.train()(torch.rand(2, 3, 64, 64)).mean().backward()
    assert all(torch.equal(v, before[n]) for n, v in network.backbone.state_dict().items())
    assert not any(p.requires_grad for p in network.backbone.parameters())
    assert network.classifier.weight.grad is not None  # type: ignore[union-attr]


def test_images_are_normalised_as_the_weights_expect(file: Path) -> None:
    found = Start(file).intensities(RESNET, DARK)
    assert found == Intensities(NATURAL.mean, NATURAL.std, 65535)
    assert USUAL.intensities(RESNET, DARK) == DARK
    grey = Intensities((0.1,), (0.1,))
    assert Start(file).intensities(RESNET, grey) == grey
    lite = Architecture(features("efficientnet-lite0"), (), (3, 4))
    assert USUAL.intensities(lite, DARK).mean == (127 / 255,) * 3


def test_a_pace_is_measured_without_the_weights_of_a_resnet() -> None:
    alone = Architecture(features("resnet-18"), (), (3, 4))
    network = build_segmenter(alone, Scale(0.125, endpoint_filters=8, aspp_filters=8), 3, (64, 64))
    as_if_begun(network, alone, Recipe(encoder_rate=0.0))
    assert not any(p.requires_grad for p in network.backbone.parameters())
    with pytest.raises(UserError, match="the weights of resnet-18 are in no package"):
        USUAL.begin(network, alone, Recipe())


def test_the_file_of_an_encoder_is_for_networks_on_that_encoder_alone(tmp_path: Path) -> None:
    file = tmp_path / "resnet18.pth"
    torch.save(torchvision_state("resnet-18"), file)
    start = Start(encoder="resnet-18", encoder_weights=file)
    alone = Architecture(features("resnet-18"), (), (3, 4))
    network = build_segmenter(alone, Scale(0.125, endpoint_filters=8, aspp_filters=8), 3, (64, 64))
    start.begin(network, alone, Recipe())
    layer = network.backbone.encoder.stem[0][0].weight  # type: ignore[union-attr, index]
    assert torch.equal(layer, torch.load(file)["conv1.weight"])
    other = Architecture(features("resnet-34"), (), (3, 4))
    with pytest.raises(UserError, match="the weights of resnet-34 are in no package"):
        start.begin(network, other, Recipe())
