"""Our networks are the published ones: held against a literal transcription with their weights."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from proxy_tasks.datasets.base import IGNORE
from proxy_tasks.loss import upsampled_cross_entropy
from proxy_tasks.networks import DeepLabV3, build
from search_space import catalog
from search_space.backbone import Backbone
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale
from tests.oracles.literal import literal, literal_loss

SCALE = Scale(filters=0.0625, endpoint_filters=8, aspp_filters=8)
SPACE = ScalePermutedSpace(output_levels=(2, 4, 5))
MAX_SIZE = (128, 256)
"""A multiple of 2**7, so that every level divides it."""


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def random_architecture(seed: int) -> Backbone:
    rng = np.random.default_rng(seed)
    return SPACE.decode([int(rng.integers(gene.radix)) for gene in SPACE.genes])


def network_of(backbone: Backbone) -> DeepLabV3:
    """In float64: what is left is no rounding. Batch norms are no identity, dropout is off."""
    network = build(backbone, SCALE, 5, MAX_SIZE)
    assert isinstance(network, DeepLabV3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        elif isinstance(module, nn.Dropout):
            module.p = 0.0
    return network.double()


def batch(size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    labels = torch.randint(5, (2, *size)).masked_fill_(torch.rand(2, *size) < 0.2, IGNORE)
    return torch.randn(2, 3, *size, dtype=torch.float64), labels


BACKBONES = [random_architecture(seed) for seed in range(4)] + [
    catalog.load("spinenet-49"),
    catalog.load("deeplabv3-resnet-50-os8"),
]


@pytest.mark.parametrize("size", [(128, 128), (97, 131), (33, 47)])
@pytest.mark.parametrize("backbone", BACKBONES)
def test_predictions_are_equal_at_any_size(backbone: Backbone, size: tuple[int, int]) -> None:
    network = network_of(backbone).eval()
    x, _ = batch(size)
    with torch.no_grad():
        torch.testing.assert_close(network(x), literal(network)(x))


@pytest.mark.parametrize("backbone", BACKBONES)
def test_loss_gradients_and_statistics_of_a_training_step_are_equal(backbone: Backbone) -> None:
    ours = network_of(backbone).train()
    theirs = literal(ours)
    before = copy.deepcopy(ours.state_dict())
    counts = [values_per_channel(network) for network in (ours, theirs)]
    x, labels = batch((128, 128))
    loss = upsampled_cross_entropy(ours.forward_low(x), labels)
    expected = literal_loss(theirs, x, labels)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, rtol=1e-6, atol=1e-9, msg=name)
    for name, found in ours.state_dict().items():
        wanted = theirs.state_dict()[name]
        if name.endswith("running_var"):
            layer = name.removesuffix(".running_var")
            found, wanted = (
                biased(value, before[name], seen[layer])
                for value, seen in zip((found, wanted), counts, strict=True)
            )
        torch.testing.assert_close(found, wanted, msg=name)


def values_per_channel(network: nn.Module) -> dict[str, int]:
    """Filled by the forward pass: of each batch norm, how many values it takes its variance of."""
    seen: dict[str, int] = {}
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(
                lambda _m, x, name=name: seen.update({name: x[0].numel() // x[0].shape[1]})
            )
    return seen


def biased(after: Tensor, before: Tensor, n: int) -> Tensor:
    """The variance behind an update of the running one, which is that of n / (n - 1) times it.

    n is what differs: a batch norm before the up-sampling sees fewer, equal, values.
    """
    momentum = 0.1
    return (after - (1 - momentum) * before) / momentum * (n - 1) / n


def test_the_literal_network_does_more_work_with_the_same_weights() -> None:
    network = network_of(catalog.load("spinenet-49"))
    copied = literal(network)
    ours, theirs = values_per_channel(network), values_per_channel(copied)
    x, _ = batch((128, 128))
    network(x), copied(x)
    more = [name for name in ours if theirs[name] > ours[name]]
    assert more
    assert all(".expand." in name for name in more)
    assert network.state_dict().keys() == copied.state_dict().keys()
