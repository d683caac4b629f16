"""What a whole network decides besides its blocks: declared once, kept, told apart, built."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from proxy_tasks.networks import build_segmenter
from results.ledger import Ledger
from results.signs import network_signs
from results.views.choices import PROPERTIES, choices_of
from results.views.detail import difference
from search_space import architecture_file, catalog
from search_space.architecture import NETWORK_ATTRIBUTES, Architecture, features
from search_space.backbone import bare, scale_of, seen_size
from search_space.canonical import canonical_key
from search_space.cost import cost, parts
from search_space.errors import UserError
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale
from search_space.shapes import before_zoom, zoomed
from search_space.spine import SpineSpace
from search_space.taps import smallest_side

SCALE = Scale(0.125, endpoint_filters=16, aspp_filters=16)
VALUES = {"head": "fpn", "head_width": 0.5, "head_separable": True, "zoom": 0.75}
ON_ENCODER = Architecture(features("efficientnet-lite0"), (), (3, 4, 5))
OWN_STEM = catalog.load("spinenet-seg-camvid-28")
assert isinstance(OWN_STEM, Architecture)


@pytest.fixture(params=[ON_ENCODER, OWN_STEM], ids=["encoder", "own stem"])
def plain(request: pytest.FixtureRequest) -> Architecture:
    assert isinstance(request.param, Architecture)
    return request.param


def test_these_are_all() -> None:
    assert [each.name for each in NETWORK_ATTRIBUTES] == [*VALUES]


def changed(plain: Architecture) -> list[Architecture]:
    """Each attribute alone, then all."""
    return [*(replace(plain, **{n: v}) for n, v in VALUES.items()), replace(plain, **VALUES)]


def test_keys_files_and_ledgers_tell_them_apart(plain: Architecture, tmp_path: Path) -> None:
    networks = [plain, *changed(plain)]
    assert len({canonical_key(each) for each in networks}) == len(networks)
    for each in networks:
        text = architecture_file.dumps(each)
        assert architecture_file.loads(text).backbone == each
        assert ("zoom" in text) == (each.zoom != 1)
        assert bare(each) == plain
    with Ledger.create(tmp_path / "ledger.journal", "run", (), {}) as ledger:
        for number, each in enumerate(networks):
            ledger.start(str(number), "candidate", each, "key", None)
    trials = Ledger.open(tmp_path / "ledger.journal", read_only=True).trials()
    assert [trial.backbone for trial in trials] == networks


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"zoom": 0.3}, "zoom must be one of 0.5, 0.625, 0.75, 0.875, 1.0 but got 0.3"),
        ({"head": "classifier"}, "head must be one of scale, deeplabv3, deeplabv3\\+, fpn but got"),
        ({"head_width": 3.0}, "head_width must be one of"),
    ],
)
def test_other_values_are_refused(values: dict[str, float], said: str) -> None:
    with pytest.raises(UserError, match=said):
        replace(ON_ENCODER, **values)
    form = architecture_file.to_dict(ON_ENCODER)
    with pytest.raises(UserError, match=said):
        architecture_file.from_dict(form | values)


def test_what_is_built_is_what_was_decided(plain: Architecture) -> None:
    whole = replace(plain, **VALUES)
    torch.manual_seed(0)
    network = build_segmenter(whole, SCALE, 5, (64, 97)).eval()
    assert type(network).__name__ == "FPNHead"
    assert network.classifier.in_channels == 8
    narrow = replace(SCALE, endpoint_filters=8, aspp_filters=8)
    assert scale_of(whole, SCALE) == replace(narrow, head="fpn", head_separable=True)
    seen: list[torch.Size] = []
    network.backbone.register_forward_hook(lambda _m, _args, maps: seen.append(maps[3].shape[2:]))
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 64, 97)).shape == (1, 5, 64, 97)
    assert seen == [(6, 10)]
    assert seen_size(whole, (64, 97)) == (48, 73)
    known = cost(whole, SCALE, 5, (64, 97))
    assert known.parameters == sum(weights.numel() for weights in network.parameters())
    assert parts(whole, SCALE, 5, (64, 97))[0].name == "zoom"


def test_sizes_are_whole_numbers_and_come_back() -> None:
    for side in range(1, 200):
        for zoom in (0.5, 0.625, 0.75, 0.875, 1.0):
            (shrunk, _) = zoomed((side, side), zoom)
            assert shrunk >= side * zoom > shrunk - 1
            first = before_zoom(shrunk, zoom)
            assert zoomed((first, 1), zoom)[0] == shrunk
            assert first == 1 or zoomed((first - 1, 1), zoom)[0] < shrunk


def test_the_smallest_side_is_of_the_image() -> None:
    network = replace(ON_ENCODER, zoom=0.5)
    assert smallest_side(network) == 2 * smallest_side(ON_ENCODER) - 1


@pytest.mark.parametrize("zooms", [(1.0,), (0.5, 1.0)])
def test_kernels_reach_their_maps_at_the_smallest_zoom(zooms: tuple[float, ...]) -> None:
    choices = {"zoom": zooms}
    for space in (
        SpineSpace("efficientnet-lite0", choices=choices, crop=(128, 128)),
        ScalePermutedSpace(choices=choices, crop=(128, 128)),
    ):
        rng, offered = np.random.default_rng(0), set()
        for _ in range(60):
            drawn = space.decode(space.sample(rng))
            offered |= {block.level for block in drawn.blocks if block.dilation == 4}
        assert max(offered) == (3 if 0.5 in zooms else 4)


def test_searches_begin_at_the_default_where_it_is_offered() -> None:
    choices = {"head": ("fpn", "scale"), "zoom": (0.5, 0.75)}
    space = SpineSpace("efficientnet-lite0", choices=choices)
    alone = space.decode(space.alone)
    assert (alone.head, alone.zoom, alone.blocks) == ("scale", 0.5, ())
    rng = np.random.default_rng(0)
    beside = [space.decode(space.beside_alone(rng)) for _ in range(40)]
    assert {each.head for each in beside} == {"scale", "fpn"}
    assert {each.zoom for each in beside} == {0.5, 0.75}
    assert any(each.blocks for each in beside)


def test_people_see_them(plain: Architecture) -> None:
    whole = replace(plain, **VALUES)
    assert network_signs(plain) == []
    assert network_signs(whole) == ["head fpn", "head w0.5", "head separable", "zoom 0.75"]
    assert {PROPERTIES[name] for name in VALUES} == {
        "Head",
        "Width of the head",
        "Separable head",
        "Zoom",
    }
    assert choices_of(whole)["zoom"] == {0.75: 1}
    found = difference(plain, whole)
    assert found is not None
    assert found.rows == [["network", "–", "head fpn, head w0.5, head separable, zoom 0.75"]]
    assert not found.blocks
