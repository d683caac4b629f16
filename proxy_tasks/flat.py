"""A network's tensors side by side in a few long ones.

What happens to every weight at every step (clipping, the optimizer, the average) is then a handful
of kernels. A small network has some seven hundred tensors: one by one, they cost about a twelfth
of what its layers do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

ALIGNMENT = 16
"""Elements: each tensor starts at a multiple of them, 64 bytes in fp32, as kernels like it."""


class FlatTensors:
    """Moves the parameters and buffers of ``network`` into long tensors of this object.

    The network stays as it is but for where its numbers lie: a change of the long tensors is a
    change of the network, and the reverse. Padding between tensors is 0 and stays so. Two networks
    of one structure have the same layout. Moving the network to another device or type afterwards
    ends the connection; loading a state does not.

    ``weights`` are the trained parameters of two dimensions and more, ``vectors`` the others
    (biases, normalisation), ``slow_weights`` and ``slow_vectors`` those of modules that are
    ``pretrained``; ``rest`` frozen parameters and floating-point buffers, ``counters`` integer
    buffers.
    """

    def __init__(self, network: nn.Module) -> None:
        trained = [p for p in network.parameters() if p.requires_grad]
        frozen = [p for p in network.parameters() if not p.requires_grad]
        floating = [b for b in network.buffers() if b.is_floating_point()]
        slow = {id(p) for module in network.modules() if known(module) for p in module.parameters()}
        self._groups = [
            [p for p in trained if (p.ndim > 1) == wide and (id(p) in slow) == late]
            for late in (False, True)
            for wide in (True, False)
        ]
        names = {id(p): name for name, p in network.named_parameters()}
        self._names = [[names[id(p)] for p in group] for group in self._groups]
        self._flats = tuple(_joined(group) for group in self._groups)
        self.weights, self.vectors, self.slow_weights, self.slow_vectors = self._flats
        self.rest = _joined([*frozen, *floating])
        self.counters = _joined([b for b in network.buffers() if not b.is_floating_point()])

    @property
    def floats(self) -> tuple[Tensor, ...]:
        """All but the counters."""
        return *self._flats, self.rest

    def trainable(self) -> tuple[nn.Parameter, ...]:
        """``weights`` and ``vectors`` as parameters for an optimizer, and behind them the slow ones
        where there are any. From now on a backward pass adds to their gradients, which nobody may
        set to None: fill them with zeros instead."""
        made = [nn.Parameter(flat) for flat in self._flats]
        for flat, parameters in zip(made, self._groups, strict=True):
            flat.grad = torch.zeros_like(flat)
            for parameter, view in zip(parameters, _views(flat.grad, parameters), strict=True):
                parameter.grad = view
        return tuple(made if any(self._groups[2:]) else made[:2])

    def reordered(self, state: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
        """An optimizer's state for what ``trainable`` gives, out of one that was kept when the
        network had its tensors in the order of ``names``: earlier releases had that of the spec."""
        moments = {
            number: {name: self._reordered(number, value, names) for name, value in kept.items()}
            for number, kept in state["state"].items()
        }
        return {**state, "state": moments}

    def _reordered(self, number: int, kept: Tensor, names: Sequence[str]) -> Tensor:
        """Of the flat tensor with that number; a counter of steps stays."""
        if not kept.ndim:
            return kept
        lengths = dict(zip(self._names[number], _lengths(self._groups[number]), strict=True))
        then = [name for name in names if name in lengths]
        parts = dict(zip(then, kept.split([lengths[name] for name in then]), strict=True))
        return torch.cat([parts[name] for name in lengths])


def known(module: nn.Module) -> bool:
    """Whether its weights are pretrained, and so learn more slowly than the others."""
    return bool(getattr(module, "pretrained", False))


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    """One long tensor, of which ``tensors`` become views."""
    if not tensors:
        return torch.empty(0)
    flat = tensors[0].new_zeros(sum(_lengths(tensors)), requires_grad=False)
    for tensor, view in zip(tensors, _views(flat, tensors), strict=True):
        tensor.data = view.copy_(tensor.detach())
    return flat


def _views(flat: Tensor, like: Sequence[Tensor]) -> list[Tensor]:
    """Parts of ``flat`` with the shapes and memory formats of ``like``."""
    parts = flat.split(_lengths(like))
    return [
        part.as_strided(tensor.shape, tensor.stride())
        for part, tensor in zip(parts, like, strict=True)
    ]


def _lengths(tensors: Sequence[Tensor]) -> list[int]:
    return [-(-tensor.numel() // ALIGNMENT) * ALIGNMENT for tensor in tensors]
