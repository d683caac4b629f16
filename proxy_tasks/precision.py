"""In which precision a training computes: bf16 where a device has it and gets gradients right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

ONEDNN_WIDTH = 64
"""Up to this width of an image, maps of level 6 have one column."""
ONEDNN_BLOCK = 16
"""Channels that oneDNN's kernels take together."""


@contextmanager
def autocast(device: torch.device, width: int) -> Iterator[None]:
    """bf16 where the device computes it natively, else fp32 (emulated bf16 is slower).

    A CPU computes images of up to 64 pixels' ``width`` in fp32: in bf16, oneDNN's weight gradient
    of a 3x3 convolution with stride 2 on a map of one column is what happens to lie in memory
    (torch 2.13 on AVX512-BF16, whatever the channels, rows and batch). So it is without AMX of a
    dilated convolution with more than 16 input channels, if these are no multiple of 16, on maps of
    29 columns and more: such convolutions are computed in fp32 there.
    """
    enabled = has_bf16(device) and (device.type != "cpu" or width > ONEDNN_WIDTH)
    wrong = enabled and device.type == "cpu" and not dilated_gradients_are_right()
    with (
        torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled),
        _DilatedInSingle() if wrong else nullcontext(),
    ):
        yield


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        flags = torch.cpu.get_capabilities()
        return bool(flags.get("avx512_bf16") or flags.get("amx_bf16") or flags.get("bf16"))
    return False


def dilated_gradients_are_right() -> bool:
    """Whether this CPU has AMX, with which oneDNN takes another kernel. The wrong one cannot be
    tried to find out: it writes where it must not, and ends processes."""
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


class _DilatedInSingle(TorchFunctionMode):
    """Inside, convolutions that oneDNN gets wrong in bf16 are computed in fp32."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        known = kwargs or {}
        if func is not F.conv2d or not _wrong(*args, **known):
            return func(*args, **known)
        x_BCHW, *others = args
        with torch.autocast("cpu", enabled=False):
            return func(x_BCHW.float(), *others, **known).to(torch.bfloat16)


def _wrong(
    x_BCHW: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> bool:
    """Of a convolution that would be in bf16."""
    channels = weight.shape[1]
    odd = channels > ONEDNN_BLOCK and channels % ONEDNN_BLOCK != 0
    dilated = any(rate > 1 for rate in ([dilation] if isinstance(dilation, int) else dilation))
    return odd and dilated and torch.is_autocast_enabled("cpu")
