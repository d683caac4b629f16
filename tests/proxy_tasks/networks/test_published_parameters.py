"""Our networks have the parameters of the published code, to the last one, and whose that is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proxy_tasks.networks import build
from search_space import catalog
from search_space.cost import cost
from search_space.scales import SCALES, Scale
from tests.oracles import counted, published_code

SPINENETS = {
    "49S": 9_218_215,
    "49": 22_088_488,
    "96": 36_519_976,
    "143": 60_504_616,
    "190": 127_100_664,
}
"""ImageNet classifiers: the layers of Google's tensorflow/models, added up by published_code;
arXiv 1912.05027 writes 22.1, 36.5, 60.5 and 127.1 M."""
DEEPLABS = {
    ("deeplabv3-resnet-50-os8", True): 42_004_074,
    ("deeplabv3-resnet-50-os8", False): 39_638_869,
    ("deeplabv3-resnet-101-os8", True): 60_996_202,
    ("deeplabv3-resnet-101-os8", False): 58_630_997,
}
"""With an auxiliary head and without, 21 classes: torchvision's deeplabv3_resnet50 and _resnet101;
it publishes those with the head, and its own networks have the others without."""


@pytest.mark.parametrize("scale", SPINENETS)
def test_spinenets_have_the_parameters_of_googles_code(scale: str) -> None:
    spec, target = catalog.load("spinenet-49"), (SCALES[scale], 1000, (224, 224))
    assert counted.parameters(counted.built(spec, *target)) == SPINENETS[scale]
    assert cost(spec, *target).parameters == SPINENETS[scale]
    assert published_code.parameters(scale) == SPINENETS[scale]


@pytest.mark.parametrize(("name", "auxiliary"), DEEPLABS)
def test_deeplabs_have_the_parameters_of_torchvision(name: str, auxiliary: bool) -> None:
    arguments = catalog.load(name), Scale(), 21, (513, 513), auxiliary
    assert counted.parameters(counted.built(*arguments)) == DEEPLABS[name, auxiliary]
    assert cost(*arguments).parameters == DEEPLABS[name, auxiliary]


@pytest.mark.parametrize("name", ["spinenet-49", "deeplabv3-resnet-50-os16"])
def test_a_stem_keeps_its_filters_or_is_scaled_with_the_rest(name: str) -> None:
    """Scaled by default, as it is in all files that do not say it."""
    scaled = Scale(0.25, endpoint_filters=16, aspp_filters=16)
    fixed = replace(scaled, stem_filters=64)
    for scale, filters in ((scaled, 16), (fixed, 64)):
        arguments = catalog.load(name), scale, 5, (64, 96)
        network = build(*arguments)
        assert network.backbone.stem[0][0].out_channels == filters
        known = cost(*arguments)
        assert known.parameters == counted.parameters(network)
        assert known.macs == counted.macs(network, (64, 96))
