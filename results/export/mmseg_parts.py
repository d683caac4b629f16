"""Backbone and neck as mmsegmentation 1.x wants them; plain modules where it is not installed.

Bundled into an export, so it imports nothing of ours but the networks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from torch import Tensor, nn

from proxy_tasks.networks.blocks import Encoder
from proxy_tasks.networks.endpoints import Endpoints

try:
    from mmengine.model import BaseModule
    from mmseg.registry import MODELS
except ImportError:  # everything but the registration and init_cfg works without
    MODELS = None

    class BaseModule(nn.Module):  # type: ignore[no-redef]
        """Takes what mmengine's takes."""

        def __init__(self, init_cfg: dict[str, Any] | None = None) -> None:
            super().__init__()
            self.init_cfg = init_cfg


Part = TypeVar("Part", bound=type[nn.Module])


def registered(name: str) -> Callable[[Part], Part]:
    """Decorator: in mmsegmentation's registry under this name, where there is one."""
    return (lambda part: part) if MODELS is None else MODELS.register_module(name=name)


class Backbone(BaseModule):
    """Images -> a map per output level, finest first, as a tuple."""

    def __init__(self, encoder: Encoder, init_cfg: dict[str, Any] | None = None) -> None:
        super().__init__(init_cfg)
        self.encoder = encoder

    def forward(self, x_B3HW: Tensor) -> tuple[Tensor, ...]:
        maps = self.encoder(x_B3HW)
        return tuple(maps[level] for level in self.encoder.out_channels)


class Neck(BaseModule):
    """The maps of ``Backbone`` -> the one map that an ASPP head reads, as a tuple."""

    def __init__(self, endpoints: Endpoints, levels: tuple[int, ...], init_cfg: Any = None) -> None:
        super().__init__(init_cfg)
        self.endpoints, self.levels = endpoints, levels

    def forward(self, maps: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (self.endpoints(dict(zip(self.levels, maps, strict=True))),)
