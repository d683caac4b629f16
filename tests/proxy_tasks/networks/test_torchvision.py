"""Weights of torchvision's DeepLabv3, by the names and shapes that torchvision 0.28 gives them."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from proxy_tasks.networks import DeepLabV3, build
from proxy_tasks.networks.torchvision import RATES, from_torchvision, load_torchvision
from search_space.errors import UserError
from search_space.resnet import DilatedResNet
from search_space.scales import Scale
from search_space.shapes import aspp_rates
from tests.support.torchvision_states import NARROW, TINY, tiny_state, torchvision_shapes

RESNET_50, RESNET_101 = (3, 4, 6, 3), (3, 4, 23, 3)


def tiny_network(auxiliary: bool = True, stride: int = 8, side: int = 513) -> DeepLabV3:
    return build(DilatedResNet(TINY, stride), NARROW, 5, (side, side), auxiliary)


@pytest.mark.parametrize(
    ("stages", "auxiliary", "parameters"),
    [
        (RESNET_50, True, 42_004_074),
        (RESNET_50, False, 39_638_869),
        (RESNET_101, True, 60_996_202),
        (RESNET_101, False, 58_630_997),
    ],
)
def test_a_baseline_is_torchvisions_network_tensor_for_tensor(
    stages: tuple[int, ...], auxiliary: bool, parameters: int
) -> None:
    """Counts as published by torchvision (with the auxiliary head) and as its networks have."""
    with torch.device("meta"):
        network = build(DilatedResNet(stages, 8), Scale(), 21, (513, 513), auxiliary)
        state = {name: torch.empty(shape) for name, shape in torchvision_shapes(stages).items()}
    theirs = {name: tuple(value.shape) for name, value in from_torchvision(state).items()}
    ours = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    kept = {name: s for name, s in theirs.items() if auxiliary or not name.startswith("aux")}
    assert ours == kept
    assert sum(p.numel() for p in network.parameters()) == parameters


class Reference:
    """torchvision's forward pass at output stride 8, by the functions of torch alone."""

    def __init__(self, state: dict[str, Tensor], stages: tuple[int, ...]) -> None:
        self.state, self.stages = state, stages

    def conv_bn(
        self, x: Tensor, conv: str, bn: str, *, stride: int = 1, dilation: int = 1
    ) -> Tensor:
        kernel = self.state[f"{conv}.weight"]
        padding = dilation * (kernel.shape[-1] // 2)
        names = ("running_mean", "running_var", "weight", "bias")
        norm = [self.state[f"{bn}.{name}"] for name in names]
        return F.batch_norm(F.conv2d(x, kernel, None, stride, padding, dilation), *norm)

    def block(self, x: Tensor, at: str, stride: int, dilation: int) -> Tensor:
        y = self.conv_bn(x, f"{at}.conv1", f"{at}.bn1").relu()
        y = self.conv_bn(y, f"{at}.conv2", f"{at}.bn2", stride=stride, dilation=dilation).relu()
        y = self.conv_bn(y, f"{at}.conv3", f"{at}.bn3")
        down = f"{at}.downsample"
        if f"{down}.0.weight" in self.state:
            x = self.conv_bn(x, f"{down}.0", f"{down}.1", stride=stride)
        return (y + x).relu()

    def trunk(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.conv_bn(x, "backbone.conv1", "backbone.bn1", stride=2).relu()
        x = F.max_pool2d(x, 3, 2, 1)
        maps = []
        for number, stride, first, rest in ((1, 1, 1, 1), (2, 2, 1, 1), (3, 1, 1, 2), (4, 1, 2, 4)):
            for block in range(self.stages[number - 1]):
                at = f"backbone.layer{number}.{block}"
                x = self.block(x, at, 1 if block else stride, rest if block else first)
            maps.append(x)
        return maps[2], maps[3]

    def head(self, x: Tensor, rates: tuple[int, ...]) -> Tensor:
        at = "classifier.0.convs"
        parts = [
            self.conv_bn(x, f"{at}.{i}.0", f"{at}.{i}.1", dilation=rate)
            for i, rate in enumerate((1, *rates))
        ]
        mean = self.conv_bn(x.mean((2, 3), keepdim=True), f"{at}.4.1", f"{at}.4.2")
        x = torch.cat([*parts, mean.expand_as(parts[0])], 1).relu()
        x = self.conv_bn(x, "classifier.0.project.0", "classifier.0.project.1").relu()
        return self.logits(x, "classifier", 1)

    def logits(self, x: Tensor, at: str, first: int) -> Tensor:
        x = self.conv_bn(x, f"{at}.{first}", f"{at}.{first + 1}").relu()
        return F.conv2d(x, self.state[f"{at}.4.weight"], self.state[f"{at}.4.bias"])


def test_with_torchvisions_weights_the_logits_are_torchvisions() -> None:
    network = tiny_network().double().eval()
    state = {name: value.double() for name, value in tiny_state().items()}
    load_torchvision(network, state)
    reference, x = Reference(state, TINY), torch.randn(1, 3, 129, 97, dtype=torch.float64)
    third, last = reference.trunk(x)
    rates = aspp_rates((513, 513), 8)
    assert rates == RATES == (12, 24, 36)
    found, auxiliary = network.forward_auxiliary(x)
    torch.testing.assert_close(found, reference.head(last, rates))
    torch.testing.assert_close(auxiliary, reference.logits(third, "aux_classifier", 0))
    assert found.std() > 0.01 * found.abs().mean()


def test_the_auxiliary_head_is_left_out_where_the_network_has_none() -> None:
    state, network = tiny_state(), tiny_network(auxiliary=False)
    load_torchvision(network, state)
    assert torch.equal(network.classifier.bias, state["classifier.4.bias"])
    both = tiny_network()
    load_torchvision(both, state)
    assert torch.equal(both.auxiliary[2].bias, state["aux_classifier.4.bias"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backbone.layer2.1.conv3.weight": None}, r"layer2\.1\.conv3\.weight: is missing"),
        ({"aux_classifier.4.bias": None}, r"aux_classifier\.4\.bias: is missing"),
        ({"classifier.4.weight": (21, 16, 1, 1)}, r"classifier\.4\.weight.*\(5, 16.*got \(21, 16"),
        ({"backbone.fc.weight": (1000, 256)}, r"^backbone\.fc\.weight: not a key"),
        ({"classifier.2.extra": (1,)}, r"classifier\.2\.extra: has no place"),
        ({"backbone.layer3.2.bn1.bias": (8,)}, r"layer3\.2\.bn1\.bias: has no place"),
        ({"backbone.layer3": (8,)}, r"^backbone\.layer3: not a key"),
    ],
)
def test_a_state_dict_that_does_not_fit_is_answered_with_the_key(
    change: dict[str, tuple[int, ...] | None], message: str
) -> None:
    state, network = tiny_state(), tiny_network()
    for name, shape in change.items():
        if shape is None:
            del state[name]
        else:
            state[name] = torch.rand(shape)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(UserError, match=message) as caught:
        load_torchvision(network, state)
    assert "\n" not in str(caught.value)
    assert all(torch.equal(before[name], v) for name, v in network.state_dict().items())


def test_a_network_that_torchvision_does_not_have_is_refused() -> None:
    plus = build(DilatedResNet(TINY, 8, "deeplabv3+"), NARROW, 5, (65, 65))
    with pytest.raises(UserError, match="DeepLabv3 on a ResNet"):
        load_torchvision(plus, tiny_state())


@pytest.mark.parametrize(
    ("stride", "side", "got"), [(16, 513, "16 and 6, 12, 18"), (8, 256, "8 and 6, 12, 18")]
)
def test_another_stride_and_other_rates_are_refused_in_one_line(
    stride: int, side: int, got: str
) -> None:
    network = tiny_network(stride=stride, side=side)
    before = network.classifier.bias.clone()
    with pytest.raises(UserError, match=f"8 and atrous rates 12, 24, 36, .*has {got}: build") as e:
        load_torchvision(network, tiny_state())
    assert "\n" not in str(e.value)
    assert torch.equal(network.classifier.bias, before)
