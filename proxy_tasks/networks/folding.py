"""A copy of a trained network that only predicts, with its batch norms inside the convolutions."""

from __future__ import annotations

import copy
from itertools import chain
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

Network = TypeVar("Network", bound=nn.Module)


@torch.no_grad()
def folded(network: Network) -> Network:
    """The same function as ``network.eval()``, up to rounding, in fewer layers.

    A batch norm that stands behind a convolution in an ``nn.Sequential`` is linear in evaluation,
    so its factors go into the weights and its shift becomes the bias; dropout goes. The result is
    in eval mode and only for predicting, now: what needs no folding shares its tensors with
    ``network``, which itself is left as it was.
    """
    shared = {id(tensor): tensor for tensor in chain(network.parameters(), network.buffers())}
    network = copy.deepcopy(network, memo=shared).eval()
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            _fold(module)
        for name, child in module.named_children():
            if isinstance(child, nn.Dropout):
                setattr(module, name, nn.Identity())
    return network


def _fold(sequence: nn.Sequential) -> None:
    layers: list[nn.Module] = []
    for layer in sequence:
        before = layers[-1] if layers else None
        if isinstance(layer, nn.BatchNorm2d) and isinstance(before, nn.Conv2d):
            _fold_into(before, layer)
        else:
            layers.append(layer)
    if len(layers) < len(sequence):
        del sequence[:]
        sequence.extend(layers)


def _fold_into(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    conv.weight, conv.bias = fuse_conv_bn_weights(
        conv.weight,
        conv.bias,
        norm.running_mean,
        norm.running_var,
        norm.eps,
        norm.weight,
        norm.bias,
    )
