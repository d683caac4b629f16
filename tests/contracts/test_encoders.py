"""Every kind of encoder: written and read again, at the cost and with the maps that it says, built
only as far as it is used, and started from the weights that it was trained to."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from proxy_tasks.encoder_weights import check_there
from proxy_tasks.networks import build_segmenter
from proxy_tasks.networks.encoders import ENCODER_NETWORKS, encoder_network
from proxy_tasks.networks.level_encoder import LevelEncoder
from proxy_tasks.networks.pretrained import NAMES, load_encoder, load_pretrained, met
from search_space import architecture_file, catalog
from search_space.architecture import Architecture, Block, features
from search_space.backbone_encoder import BackboneEncoder
from search_space.canonical import canonical_key
from search_space.cost import cost
from search_space.cost.encoders import LADDERS
from search_space.encoder_file import KINDS
from search_space.encoders import ENCODERS, EncoderSpec, encoder
from search_space.errors import UserError
from search_space.resnet import DilatedResNet
from search_space.scales import Scale
from search_space.shapes import level_size
from search_space.spine import SpineSpace
from tests.oracles import counted
from tests.support.torchvision_states import torchvision_state

torch.set_num_threads(1)

SCALE = Scale(0.125, endpoint_filters=16, aspp_filters=16, head="deeplabv3+")
SMALL = Scale(1 / 16, repeats=2)
SIZE = (65, 97)
FOUND = catalog.load("spinenet-seg-camvid-60")
OWN = BackboneEncoder(FOUND, SMALL, "found here", (0.1, 0.2, 0.3), (0.3, 0.2, 0.1))


def spine(spec: EncoderSpec, seed: int = 0, blocks: int = 4) -> Architecture:
    levels = tuple(level for level in (3, 4, 5) if level in spec.channels)
    space = SpineSpace(spec, blocks, output_levels=levels)
    return space.decode(space.sample(np.random.default_rng(seed)))


SPECS: dict[str, EncoderSpec] = {
    "EfficientNet-Lite": encoder("efficientnet-lite0"),
    "ResNet": encoder("resnet-18"),
    "scale-permuted": OWN,
    "deeper than its levels": BackboneEncoder(catalog.load("spinenet-49"), SMALL, "spinenet-49"),
    "dilated ResNet": BackboneEncoder(DilatedResNet((1, 1, 2, 1)), SMALL, "a baseline"),
    "spine on a spine": BackboneEncoder(spine(OWN), SMALL, "twice"),
    "spine on Lite": BackboneEncoder(spine(encoder("efficientnet-lite0")), SMALL),
}
EACH = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


def network(spec: EncoderSpec, deepest: int | None = None, channels: int = 3) -> LevelEncoder:
    """With statistics of its batch norms that are no zeros and ones."""
    torch.manual_seed(0)
    made = encoder_network(spec, channels, deepest or max(spec.channels))
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)  # type: ignore[union-attr, operator]
            module.running_var.uniform_(0.5, 2)  # type: ignore[union-attr, operator]
    return made.eval()


def architectures(spec: EncoderSpec) -> Iterator[Architecture]:
    """The encoder alone up to its finest map, and to its coarsest; with blocks on it."""
    for level in (min(spec.channels), max(spec.channels)):
        yield Architecture(features(spec), (), (level,))
    yield spine(spec)


def test_every_kind_is_tried_here() -> None:
    kinds = {type(spec) for spec in SPECS.values()}
    assert kinds == {*LADDERS, BackboneEncoder} == {*ENCODER_NETWORKS, BackboneEncoder}
    assert kinds == set(NAMES)
    assert {type(spec) for spec in ENCODERS.values()} | {k.spec for k in KINDS.values()} == kinds


@EACH
def test_it_is_written_and_read_again_and_travels(spec: EncoderSpec) -> None:
    for architecture in architectures(spec):
        text = architecture_file.dumps(architecture)
        read = architecture_file.loads(text).backbone
        assert read == architecture
        assert isinstance(read, Architecture)
        assert read.encoder_spec == spec
        assert canonical_key(read) == canonical_key(architecture)
        gone = pickle.loads(pickle.dumps(architecture))
        assert (gone, hash(gone)) == (architecture, hash(architecture))


@EACH
def test_it_costs_what_is_counted(spec: EncoderSpec) -> None:
    for architecture in architectures(spec):
        built = counted.built(architecture, SCALE, 5, SIZE).eval()
        known = cost(architecture, SCALE, 5, SIZE)
        assert known.parameters == counted.parameters(built)
        assert known.macs == counted.macs(built, SIZE)


@EACH
def test_its_maps_are_those_that_it_says_at_odd_sizes(spec: EncoderSpec) -> None:
    with torch.no_grad():
        maps = network(spec)(torch.randn(1, 3, *SIZE))
    said = {level: (1, n, *level_size(SIZE, level)) for level, n in spec.channels.items()}
    assert {level: tuple(x.shape) for level, x in maps.items()} == said
    assert list(maps) == sorted(maps)
    assert next(iter(maps)) == 2


@EACH
def test_what_lies_deeper_is_not_built_and_changes_nothing(spec: EncoderSpec) -> None:
    whole, x_13HW = network(spec), torch.randn(1, 3, *SIZE)
    state = whole.state_dict()
    with torch.no_grad():
        expected = whole(x_13HW)
        for deepest in list(spec.channels)[:3]:
            with torch.device("meta"):
                part = encoder_network(spec, 3, deepest).eval()
            part.load_state_dict({name: state[name] for name in part.state_dict()}, assign=True)
            found = part(x_13HW)
            assert list(found) == [level for level in spec.channels if level <= deepest]
            for level, x in found.items():
                torch.testing.assert_close(x, expected[level])


@EACH
def test_its_maps_depend_on_all_of_its_weights(spec: EncoderSpec) -> None:
    """What is kept of a frozen encoder is known by these."""
    made = network(spec)
    depends = made.depends()
    assert list(depends) == list(spec.channels)
    assert sum(map(len, depends.values())) == len(made.state_dict())


@EACH
def test_images_of_other_channels_are_taken_and_cost_as_much_as_is_said(spec: EncoderSpec) -> None:
    scale = replace(SCALE, channels=5)
    architecture = spine(spec)
    built = counted.built(architecture, scale, 5, SIZE).eval()
    known = cost(architecture, scale, 5, SIZE)
    assert known.parameters == counted.parameters(built)
    with torch.no_grad():
        assert list(network(spec, channels=1)(torch.randn(1, 1, 64, 64))) == list(spec.channels)


@EACH
def test_a_grey_image_gives_what_three_equal_channels_give(spec: EncoderSpec) -> None:
    if not isinstance(spec, BackboneEncoder):
        pytest.skip("by the names of others: tests/proxy_tasks/networks/test_encoders.py")
    three, one = network(spec), network(spec, channels=1)
    load_encoder(one, spec, three.state_dict(), "weights")
    x_11HW = torch.randn(1, 1, *SIZE)
    with torch.no_grad():
        first, second = three(x_11HW.expand(1, 3, *SIZE)), one(x_11HW)
    for level, x in first.items():
        torch.testing.assert_close(second[level], x, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", [n for n, s in SPECS.items() if isinstance(s, BackboneEncoder)])
def test_it_starts_as_the_network_ended_whose_backbone_it_is(name: str, tmp_path: Path) -> None:
    spec = SPECS[name]
    assert isinstance(spec, BackboneEncoder)
    whole = build_segmenter(spec.backbone, replace(SMALL, endpoint_filters=8), 3, SIZE).eval()
    file = tmp_path / "weights.safetensors"
    save_file({n: x.contiguous() for n, x in whole.state_dict().items()}, file)
    made = network(spec)
    load_pretrained(made, spec, file)
    x_13HW = torch.randn(1, 3, *SIZE)
    with torch.no_grad():
        found, expected = made.eval()(x_13HW), whole.backbone(x_13HW)
    for level in whole.backbone.out_channels:
        torch.testing.assert_close(found[level], expected[level])
    told = met(made, spec, whole.state_dict(), "FILE").told("FILE")
    assert told.startswith(f"encoder: {len(made.state_dict())} of {len(whole.state_dict())} ")
    assert "left: " in told
    assert "classifier" in told


def test_a_baseline_takes_torchvisions_weights() -> None:
    spec = BackboneEncoder(DilatedResNet(), Scale(), "deeplabv3-resnet-50-os16")
    state, made = torchvision_state("resnet-50"), network(spec)
    load_encoder(made, spec, state, "FILE")
    assert torch.equal(made.state_dict()["backbone.stem.0.0.weight"], state["conv1.weight"])
    assert met(made, spec, state, "FILE").left == ("fc",)


def test_other_weights_are_refused_in_one_line() -> None:
    other = network(BackboneEncoder(FOUND, replace(SMALL, filters=1 / 8), "wider"))
    for state in ({}, other.state_dict(), torchvision_state("resnet-18")):
        with pytest.raises(UserError, match=r"^FILE: .*not.* of found here$") as caught:
            load_encoder(network(OWN), OWN, state, "FILE")
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"the weights of found here are not given: write space\."):
        check_there(OWN)


def test_two_are_one_where_they_build_the_same() -> None:
    """Whatever head, images and names they come with."""
    same = replace(OWN, scale=replace(SMALL, endpoint_filters=3, head="deeplabv3"), title="b")
    assert same.name == OWN.name
    others = [replace(SMALL, **change) for change in ({"filters": 0.1}, {"alpha": 1.0})]
    assert len({replace(OWN, scale=each).name for each in (SMALL, *others)}) == 3
    assert replace(OWN, backbone=DilatedResNet()).name != OWN.name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "other"}, "kind must be one of .*backbone.* but got 'other'"),
        ({"kind": None}, "kind must be one of"),
        ({"scale": {"filters": float("inf")}}, "filters must be finite"),
        ({"scale": {"repeats": 10**6}}, "repeats at most"),
        ({"scale": {"width": 2}}, "unknown key 'width'"),
        ({"mean": [0.5]}, "mean and std"),
        ({"std": [0.0, 1.0, 1.0]}, "above 0"),
        ({"mean": ["a", "b", "c"]}, "mean must be a number but got 'a'"),
        ({"backbone": {"format": "x"}}, "format: 'x' is unknown"),
        ({"backbone": 3}, "backbone must be a mapping"),
        ({"title": 3}, "title must be text"),
    ],
)
def test_a_bad_description_is_refused_in_one_line(change: dict[str, object], message: str) -> None:
    values = architecture_file.to_dict(Architecture(features(OWN), (), (3, 4, 5)))
    values["encoder"] |= change
    with pytest.raises(UserError, match=f"^encoder: .*{message}") as caught:
        architecture_file.from_dict(values)
    assert "\n" not in str(caught.value)


def test_encoders_do_not_stand_on_each_other_without_end() -> None:
    values = architecture_file.to_dict(Architecture(features(OWN), (), (3, 4, 5)))
    for _ in range(200):
        values = {**values, "encoder": {"kind": "backbone", "backbone": values}}
    with pytest.raises(UserError, match="encoder: at most 8 encoders may stand on each other"):
        architecture_file.from_dict(values)


def test_a_single_map_is_no_encoder() -> None:
    first = Block(2, "residual", (0, 1), output=True)
    alone = Architecture((Block(2, "bottleneck"),) * 2, (first,), (2,))
    with pytest.raises(UserError, match="fine alone gives the map of level 2 alone"):
        BackboneEncoder(alone, SMALL, "fine alone")
