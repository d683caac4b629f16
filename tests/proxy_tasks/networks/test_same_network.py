"""Two specs of one network start with the same weights, compute the same to the last bit, and cost
the same, whatever ids their blocks have."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from proxy_tasks.networks import build_segmenter
from proxy_tasks.networks.blocks import BottleneckBlock, ResidualBlock
from proxy_tasks.networks.stochastic_depth import drop_paths
from search_space.architecture import Architecture
from search_space.canonical import canonical_key
from search_space.canonical_form import canonical_form
from search_space.cost import cost
from search_space.scales import Scale
from search_space.spine import SpineSpace
from tests.oracles.architecture_pairs import crowded
from tests.support.twins import twin

Draw = Callable[[int], Architecture]
SCALE = Scale(0.0625, endpoint_filters=8, aspp_filters=8, head="deeplabv3+")
SIZE = (64, 96)
NUMBERS = range(8)


@pytest.fixture(params=["own stem", "absorbing", "encoder"])
def draw(request: pytest.FixtureRequest, random_architecture: Draw) -> Draw:
    if request.param == "own stem":
        return random_architecture
    if request.param == "absorbing":
        return absorbing
    space = SpineSpace("efficientnet-lite0", blocks=6)
    return lambda seed: with_blocks(space, seed)


def absorbing(seed: int) -> Architecture:
    """One whose output adds up at least four blocks besides its parents."""
    rng = np.random.default_rng(seed)
    while True:
        drawn = crowded(rng)
        if any(len(drawn.absorbed[index]) > 3 for index in drawn.output_blocks.values()):
            return drawn


def with_blocks(space: SpineSpace, seed: int) -> Architecture:
    """One of which at least three blocks are built."""
    rng = np.random.default_rng(seed)
    while True:
        drawn = space.decode(space.sample(rng))
        if sum(index >= len(drawn.stem) for index in drawn.alive) >= 3:
            return drawn


def built(architecture: Architecture) -> nn.Module:
    torch.manual_seed(0)
    return build_segmenter(architecture, SCALE, 5, SIZE)


def pairs(draw: Draw, number: int) -> tuple[Architecture, Architecture]:
    one = draw(number)
    return one, twin(one, number)


def renamed(architecture: Architecture, other: Architecture) -> Iterator[tuple[str, str]]:
    """Beginnings of names in the state of the one network and in that of the other."""
    order, theirs = (canonical_form(each).order for each in (architecture, other))
    same = dict(zip(order, theirs, strict=True))
    for index in order[len([i for i in order if i < len(architecture.stem)]) :]:
        here, there = f"backbone.blocks.{index}.", f"backbone.blocks.{same[index]}."
        yield f"{here}body.", f"{there}body."
        ours = sorted(architecture.parents[index])
        others = sorted(other.parents[same[index]])
        for place, parent in enumerate(ours):
            yield f"{here}resamples.{place}.", f"{there}resamples.{others.index(same[parent])}."


def translated(name: str, names: list[tuple[str, str]]) -> str:
    return next((b + name.removeprefix(a) for a, b in names if name.startswith(a)), name)


@pytest.mark.parametrize("number", NUMBERS)
def test_initial_weights_are_equal_up_to_the_names(draw: Draw, number: int) -> None:
    one, other = pairs(draw, number)
    first, second = built(one).state_dict(), built(other).state_dict()
    names = list(renamed(one, other))
    assert {translated(name, names) for name in first} == set(second)
    for name, value in first.items():
        assert torch.equal(value, second[translated(name, names)]), name


@pytest.mark.parametrize("number", NUMBERS)
def test_outputs_and_gradients_are_equal_bit_by_bit(draw: Draw, number: int) -> None:
    one, other = pairs(draw, number)
    (first, x), (second, y) = trained_step(one), trained_step(other)
    assert torch.equal(x, y)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(gradient(a), gradient(b))


def trained_step(architecture: Architecture) -> tuple[nn.Module, Tensor]:
    """With stochastic depth."""
    network = built(architecture).train()
    drop_paths(network.backbone, 0.5)  # type: ignore[arg-type]
    torch.manual_seed(1)
    logits = network(torch.randn(2, 3, *SIZE))
    logits.square().mean().backward()
    return network, logits.detach()


def gradient(parameter: nn.Parameter) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad


@pytest.mark.parametrize("number", NUMBERS)
def test_a_branch_is_left_out_as_often(draw: Draw, number: int) -> None:
    one, other = pairs(draw, number)
    assert chances(one, canonical_form(one).order) == chances(other, canonical_form(other).order)


def chances(architecture: Architecture, order: tuple[int, ...]) -> list[list[float]]:
    """Of the residual blocks of each block in turn."""
    network = built(architecture)
    drop_paths(network.backbone, 0.5)  # type: ignore[arg-type]
    blocks = network.get_submodule("backbone.blocks")
    kinds = ResidualBlock | BottleneckBlock
    found = dict(blocks.named_children())
    return [
        [m.body[-1].rate for m in found[name].modules() if isinstance(m, kinds)]
        for name in map(str, order)
        if name in found
    ]


@pytest.mark.parametrize("number", NUMBERS)
def test_they_cost_the_same_memory_too(draw: Draw, number: int) -> None:
    one, other = pairs(draw, number)
    assert cost(one, SCALE, 5, SIZE) == cost(other, SCALE, 5, SIZE)
    assert canonical_key(one) == canonical_key(other)
