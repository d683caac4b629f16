"""In bf16 where a device has it, and right where it would not be."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from proxy_tasks import precision

CPU = torch.device("cpu")


def gradient(channels: int, dilation: int) -> Tensor:
    """Of the weights of a convolution on a map of 40 columns."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn((2, channels, 20, 40), generator=generator)
    weight = torch.randn((8, channels, 3, 3), generator=generator)
    x, weight = (t.to(memory_format=torch.channels_last) for t in (x, weight))
    weight.requires_grad_()
    y = F.conv2d(x, weight, padding=dilation, dilation=dilation)
    y.backward(torch.ones_like(y))
    assert weight.grad is not None
    return weight.grad


@pytest.mark.parametrize(("width", "bf16"), [(64, False), (65, True)])
def test_a_cpu_with_bf16_uses_it_where_its_gradients_are_right(
    width: int, bf16: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda device: True)
    with precision.autocast(CPU, width):
        assert torch.is_autocast_enabled("cpu") == bf16


@pytest.mark.parametrize("dilation", [1, 2, 6])
@pytest.mark.parametrize("channels", [8, 16, 24, 40, 64, 76])
def test_gradients_are_right_whatever_the_channels(channels: int, dilation: int) -> None:
    """A CPU with AVX512-BF16 and without AMX ends the process where nothing is done."""
    exact = gradient(channels, dilation)
    with precision.autocast(CPU, 320):
        found = gradient(channels, dilation)
    assert (found - exact).norm() < 0.02 * exact.norm()


@pytest.mark.parametrize(
    ("channels", "dilation", "single"), [(40, 2, True), (40, 1, False), (48, 2, False)]
)
def test_what_a_cpu_gets_wrong_is_computed_in_single_precision(
    channels: int, dilation: int, single: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "has_bf16", lambda device: True)
    monkeypatch.setattr(precision, "dilated_gradients_are_right", lambda: False)
    with torch.autocast("cpu", enabled=False):
        exact = gradient(channels, dilation)
    with precision.autocast(CPU, 320):
        assert F.conv2d(torch.ones(1, 3, 8, 8), torch.ones(2, 3, 3, 3)).dtype is torch.bfloat16
        found = gradient(channels, dilation)
    # Half precision rounds what single precision does not.
    assert torch.allclose(found, exact, rtol=1e-5) == single
