import pytest
import torch
from torch import nn

from proxy_tasks.networks.blocks import (
    BottleneckBlock,
    ResidualBlock,
    initialise,
    stacked_blocks,
)
from search_space.shapes import block_channels


def reach(network: nn.Module, channels: int) -> set[int]:
    """Offsets of the input columns that the middle output pixel depends on."""
    x = torch.randn(1, channels, 41, 41, requires_grad=True)
    network.eval()(x)[0, :, 20, 20].sum().backward()
    assert x.grad is not None
    return {int(column) - 20 for column in x.grad.abs().sum((0, 1, 2)).nonzero()}


@pytest.mark.parametrize("dilation", [1, 2, 4])
def test_both_convolutions_of_a_residual_block_are_dilated(dilation: int) -> None:
    expected = {dilation * step for step in (-2, -1, 0, 1, 2)}
    assert reach(ResidualBlock(32, 32, dilation), 32) == expected


@pytest.mark.parametrize("dilation", [1, 2, 4])
def test_the_3x3_of_a_bottleneck_block_is_dilated(dilation: int) -> None:
    assert reach(BottleneckBlock(32, 8, dilation), 32) == {-dilation, 0, dilation}


@pytest.mark.parametrize("kind", ["residual", "bottleneck"])
def test_repeats_stack_blocks_of_the_same_dilation_and_filters(kind: str) -> None:
    stack = stacked_blocks(kind, 8, 16, dilation=2, repeats=3)
    convolutions = [m for m in stack.modules() if isinstance(m, nn.Conv2d)]
    assert len(stack) == 3
    assert {m.dilation for m in convolutions if m.kernel_size == (3, 3)} == {(2, 2)}
    assert stack(torch.randn(2, 8, 5, 7)).shape == (2, block_channels(kind, 16), 5, 7)


@pytest.mark.parametrize("kind", ["residual", "bottleneck"])
def test_only_a_change_of_channels_costs_a_projection(kind: str) -> None:
    wider, same = stacked_blocks(kind, 8, 16, dilation=1, repeats=2)
    assert isinstance(same.shortcut, nn.Identity)
    assert not isinstance(wider.shortcut, nn.Identity)


@pytest.mark.parametrize("block", [ResidualBlock, BottleneckBlock])
def test_a_stride_of_two_halves_odd_sizes_upwards(block: type[nn.Module]) -> None:
    assert block(8, 8, 2, 2)(torch.randn(2, 8, 9, 14)).shape[2:] == (5, 7)


def test_the_shortcut_carries_the_input_past_the_convolutions() -> None:
    block = BottleneckBlock(8, 2)
    nn.init.zeros_(block.body[-1][1].weight)
    x = torch.randn(2, 8, 6, 6)
    torch.testing.assert_close(block(x), x.relu())


def test_initial_weights_follow_the_fan_out_and_no_norm_starts_at_zero() -> None:
    block = ResidualBlock(16, 256)
    initialise(block)
    weight = block.body[0][0].weight
    assert weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.03)
    norms = [m for m in block.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(bool((m.weight == 1).all()) for m in norms)
