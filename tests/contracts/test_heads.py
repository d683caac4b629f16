"""Every head: registered on both floors, of the shapes and at the cost that its declaration says,
trainable to its last parameter, and taken away by every export."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.cost import TOLERANCE, Case, is_exact, step_ratio
from nas import config
from proxy_tasks.networks import SEGMENTERS, Segmenter, build_segmenter, channels_last
from proxy_tasks.networks.folding import folded
from results.build_options import build_options
from results.description import Description, summary
from results.export import FORMATS
from results.export.exporter import Exporter, exporter
from results.export.standalone import source
from results.export.subject import Subject
from search_space import heads, scales
from search_space.architecture import Architecture, Block
from search_space.backbone import Backbone
from search_space.cost import parts
from search_space.errors import UserError
from search_space.heads import HEADS, SEGMENTING
from search_space.resnet import DilatedResNet
from search_space.scales import Scale

ROOT = Path(__file__).parents[2]
STEM = (Block(2, "bottleneck"), Block(2, "bottleneck"))
SEVERAL = Architecture(
    STEM,
    (
        Block(5, "residual", (0, 1), 2, output=True),
        Block(2, "residual", (1, 2)),
        Block(3, "bottleneck", (2, 3), 4, output=True),
        Block(4, "bottleneck", (3, 4), output=True),
    ),
    (3, 4, 5),
)
SINGLE = Architecture(STEM, (Block(4, "residual", (0, 1), output=True),), (4,))
BACKBONES = ("several levels", "a single level", "resnet")
SIZES = ((64, 96), (97, 131), (33, 47), (17, 31))
SMALL = Scale(filters=0.125, endpoint_filters=12, aspp_filters=16)
CLASSES = 5
FROZEN = {
    "deeplabv3": "d91c16bcfae1aa3e",
    "deeplabv3+": "3acfe6d76b66040f",
}
"""Names and shapes of the state dicts that lie in users' weights files."""


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(params=SEGMENTING)
def head(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=BACKBONES)
def backbone(request: pytest.FixtureRequest, head: str) -> Backbone:
    return backbone_of(request.param, head)


def backbone_of(kind: str, head: str) -> Backbone:
    if kind != "resnet":
        return SEVERAL if kind == "several levels" else SINGLE
    try:
        return DilatedResNet((1, 1, 1, 1), 16, head)
    except UserError:
        pytest.skip("no baseline has this head")


def made(head: str, backbone: Backbone, size: tuple[int, int] = SIZES[0]) -> Segmenter:
    return build_segmenter(backbone, replace(SMALL, head=head), CLASSES, size)


# Registration


def test_a_head_has_a_name_a_declaration_and_a_network() -> None:
    """Each of the three has to be there: see search_space.heads on how a head is registered."""
    files = {path.stem for path in Path(heads.__file__).parent.glob("*.py")}
    assert files - {"__init__", "base", "parts"} == {name.replace("+", "_plus") for name in HEADS}
    assert tuple(HEADS) == scales.HEADS
    assert set(SEGMENTERS) == set(SEGMENTING) == {n for n, head in HEADS.items() if head.pixels}


def test_a_config_takes_the_heads_that_label_pixels_and_no_other() -> None:
    for name in HEADS:
        told = [f"proxy.scale.head={name}"]
        if name in SEGMENTING:
            assert config.load("quickstart", told).proxy.scale.head == name
        else:
            with pytest.raises(UserError, match=rf"head must be one of {SEGMENTING[0]}"):
                config.load("quickstart", told)


def test_the_documentation_has_the_table() -> None:
    """Where it differs, write there what is expected."""
    rows = ["| `head` | as papers write it | published in | labels |", "|---|---|---|---|"]
    for name, known in HEADS.items():
        level = "the finest level" if known.level is None else f"level {known.level}"
        labels = f"pixels, at {level}" if known.pixels else "the whole image"
        rows.append(f"| `{name}` | {known.title} | {known.paper} | {labels} |")
    assert "\n".join(rows) + "\n" in (ROOT / "docs/reference/networks.md").read_text("utf-8")


def test_a_description_says_what_the_network_has(head: str, backbone: Backbone) -> None:
    options = replace(build_options(size="64x96"), scale=replace(SMALL, head=head))
    said = summary(Description("made", backbone, options))
    rates = {m.dilation[0] for m in _convolutions(made(head, backbone)) if m.dilation[0] > 1}
    assert said["head"] == head
    assert {rate for rate in said["aspp_rates"] if rate > 1} == rates


def _convolutions(network: Segmenter) -> list[nn.Conv2d]:
    """Of the head."""
    own = {id(module) for module in network.backbone.modules()}
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    return [layer for layer in layers if id(layer) not in own]


# Shapes


@pytest.mark.parametrize("size", [*SIZES, (1, 1)])
def test_logits_have_the_images_size_and_low_ones_the_stride_that_is_said(
    head: str, backbone: Backbone, size: tuple[int, int]
) -> None:
    network = made(head, backbone, size).eval()
    stride = HEADS[head].stride(min(network.backbone.out_channels))
    x_B3HW = torch.randn(2, 3, *size)
    low, logits = network.forward_low(x_B3HW), network(x_B3HW)
    assert low.shape == (2, CLASSES, *(-(-side // stride) for side in size))
    expected = F.interpolate(low, size=size, mode="bilinear", align_corners=False)
    torch.testing.assert_close(logits, expected)


def test_images_of_a_batch_do_not_see_each_other(head: str, backbone: Backbone) -> None:
    network = made(head, backbone).double().eval()
    x_B3HW = torch.randn(2, 3, 64, 96, dtype=torch.float64)
    torch.testing.assert_close(network(x_B3HW)[1:], network(x_B3HW[1:]))


def test_the_memory_format_changes_nothing(head: str, backbone: Backbone) -> None:
    network = made(head, backbone).double().eval()
    x_B3HW = torch.randn(2, 3, 97, 131, dtype=torch.float64)
    expected = network(x_B3HW)
    found = channels_last(network)(x_B3HW.to(memory_format=torch.channels_last))
    torch.testing.assert_close(found, expected)


def test_folded_batch_norms_change_nothing(head: str, backbone: Backbone) -> None:
    network = trained(made(head, backbone))
    x_B3HW = torch.randn(1, 3, 97, 131, dtype=torch.float64)
    torch.testing.assert_close(folded(network)(x_B3HW), network.eval()(x_B3HW))


def trained(network: Segmenter) -> Segmenter:
    """As if: its batch norms have seen something."""
    for module in network.double().modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network


# Costs


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("kind", BACKBONES)
def test_parameters_and_macs_are_those_of_the_network(name: str, kind: str) -> None:
    scale = replace(SMALL, head=name)
    for place, size in enumerate(SIZES):
        case = Case(backbone_of(kind, name), scale, CLASSES, size)
        assert is_exact(case, by_flop_counter=place == 1)


def test_the_memory_of_a_training_step_is_about_what_is_said(head: str) -> None:
    scale = Scale(filters=0.25, endpoint_filters=64, aspp_filters=64, head=head)
    assert abs(step_ratio(Case(SEVERAL, scale, 11, (96, 128)), 4) - 1) < TOLERANCE


def test_the_last_part_has_the_size_of_the_low_logits(head: str, backbone: Backbone) -> None:
    size = (97, 131)
    part = parts(backbone, replace(SMALL, head=head), CLASSES, size)[-1]
    low = made(head, backbone, size).eval().forward_low(torch.randn(1, 3, *size))
    assert (part.channels, part.size) == (CLASSES, tuple(low.shape[2:]))
    assert 2**part.level == HEADS[head].stride(min(made(head, backbone).backbone.out_channels))


# Training


def test_a_step_reaches_every_parameter(head: str, backbone: Backbone) -> None:
    network = made(head, backbone)
    _loss(network(torch.randn(2, 3, 64, 96))).backward()
    still = [name for name, p in network.named_parameters() if not _moved(p)]
    assert still == []


def test_an_auxiliary_head_leaves_the_rest_as_it_would_be(head: str) -> None:
    resnet, scale = backbone_of("resnet", head), replace(SMALL, head=head)
    networks = []
    for auxiliary in (False, True):
        torch.manual_seed(3)
        networks.append(build_segmenter(resnet, scale, CLASSES, (64, 96), auxiliary))
    without, with_it = networks
    ours = with_it.state_dict()
    assert all(torch.equal(value, ours[name]) for name, value in without.state_dict().items())
    assert without.auxiliary is None
    with pytest.raises(UserError, match="no auxiliary head"):
        without.forward_auxiliary(torch.randn(1, 3, 64, 96))
    x_B3HW = torch.randn(2, 3, 64, 96)
    _loss(with_it.forward_auxiliary(x_B3HW)[1]).backward()
    assert with_it.auxiliary is not None
    assert all(_moved(p) for p in with_it.auxiliary.parameters())
    torch.testing.assert_close(
        with_it.eval().forward_auxiliary(x_B3HW)[0], with_it.forward_low(x_B3HW)
    )


def _loss(logits_BKHW: Tensor) -> Tensor:
    labels_BHW = torch.randint(0, CLASSES, (len(logits_BKHW), *logits_BKHW.shape[2:]))
    return F.cross_entropy(logits_BKHW, labels_BHW)


def _moved(p: nn.Parameter) -> bool:
    return p.grad is not None and bool(p.grad.isfinite().all()) and bool(p.grad.any())


# Weights


def test_a_seed_says_the_weights(head: str, backbone: Backbone) -> None:
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(torch.cat([p.flatten() for p in made(head, backbone).parameters()]))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_the_backbones_weights_are_named_as_such(head: str, backbone: Backbone) -> None:
    """So that a pretrained backbone finds its place, and a training can tell the two apart."""
    network = made(head, backbone)
    own = {f"backbone.{name}" for name in network.backbone.state_dict()}
    assert {name for name in network.state_dict() if name.startswith("backbone.")} == own
    assert set(network.state_dict()) - own


def test_weights_load_into_a_new_network_of_any_size(head: str, backbone: Backbone) -> None:
    network, other = made(head, backbone).eval(), made(head, backbone).eval()
    other.load_state_dict(network.state_dict())
    x_B3HW = torch.randn(1, 3, 33, 47)
    assert torch.equal(other(x_B3HW), network(x_B3HW))
    assert list(made(head, backbone, (256, 256)).state_dict()) == list(network.state_dict())


@pytest.mark.parametrize("name", FROZEN)
def test_weights_of_earlier_releases_still_fit(name: str) -> None:
    state = made(name, SEVERAL).state_dict()
    listed = "\n".join(f"{key} {tuple(value.shape)}" for key, value in state.items())
    assert hashlib.sha256(listed.encode()).hexdigest()[:16] == FROZEN[name]


# Exports


@pytest.mark.parametrize("format", [name for name in FORMATS if exporter(name).network])
def test_every_export_of_networks_takes_it_or_refuses_it_in_one_line(
    head: str, format: str, tmp_path: Path
) -> None:
    """An exporter itself compares what it wrote with the network, in a process of its own."""
    each = exporter(format)
    subject = Subject(SINGLE, replace(SMALL, head=head), ("sky", "road"), (32, 48), "made")
    refused = _refused(each, subject)
    if "pip install" in refused:
        pytest.skip(refused)
    assert len(refused.splitlines()) <= 1
    if not refused:
        assert each.export(subject, tmp_path / "out")


def _refused(each: Exporter, subject: Subject) -> str:
    try:
        each.check(subject)
    except UserError as error:
        return str(error)
    return ""


def test_an_export_carries_no_other_head(head: str) -> None:
    subject = Subject(SINGLE, replace(SMALL, head=head), ("sky", "road"), (32, 48))
    text = source(subject.spec, trained=True)
    kept = {network.__name__ for network in SEGMENTERS[head].__mro__}
    others = {network.__name__ for network in SEGMENTERS.values()} - kept
    assert [name for name in others if f"class {name}(" in text] == []
    assert text.startswith(f'"""{HEADS[head].title} on ')
