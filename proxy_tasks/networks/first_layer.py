"""Pretrained weights of a first layer, for images of other channels than they were trained on."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor


def for_channels(name: str, value: Tensor, wanted: Mapping[str, Tensor]) -> Tensor:
    """The tensor of that name as the network wants it. A first layer for images of other channels
    has the mean over the colours for each of them, so that a grey image gives what it gave as three
    equal channels; every other tensor stays.

    Args:
        value: weights_OCkk of a convolution, or any other tensor.
        wanted: the network's tensors by name.
    """
    if not _is_first(name) or name not in wanted or value.ndim != 4:
        return value
    shape = wanted[name].shape
    if value.shape[1] == shape[1]:
        return value
    mean = value.sum(1, keepdim=True) / shape[1]
    return mean.expand(-1, shape[1], -1, -1)


def _is_first(name: str) -> bool:
    """Whether it is of the convolution that reads the image."""
    return _INSIDE.sub("", name) in _FIRST


_INSIDE = re.compile(r"^(backbone\.|encoder\.)*")
"""A network's backbone stands on an encoder, which may be a backbone on an encoder, and so on."""
_FIRST = ("stem.0.weight", "stem.0.0.weight")
"""Of EfficientNet-Lite, and of all others."""
