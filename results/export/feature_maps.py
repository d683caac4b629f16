"""A backbone as timm's users know it: a list of maps, and what they are.

Bundled into an export, so it imports nothing but torch and our networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, fx, nn

from proxy_tasks.networks.blocks import LOW_LEVEL, Encoder
from results.export.scripting import scriptable


class FeatureInfo:
    """Channels, reduction and module of the chosen maps, by the methods of timm's FeatureInfo."""

    def __init__(self, info: Sequence[dict[str, Any]], out_indices: Sequence[int]) -> None:
        self.info, self.out_indices = list(info), tuple(out_indices)

    def get(self, key: str, idx: int | Sequence[int] | None = None) -> Any:
        """A value of map ``idx``, or a list of several; None: of the chosen maps."""
        if isinstance(idx, int):
            return self.info[idx][key]
        return [self.info[i][key] for i in (self.out_indices if idx is None else idx)]

    def channels(self, idx: int | Sequence[int] | None = None) -> Any:
        return self.get("num_chs", idx)

    def reduction(self, idx: int | Sequence[int] | None = None) -> Any:
        return self.get("reduction", idx)

    def module_name(self, idx: int | Sequence[int] | None = None) -> Any:
        return self.get("module", idx)

    def get_dicts(self) -> list[dict[str, Any]]:
        return [self.info[i] for i in self.out_indices]

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.info[index]

    def __len__(self) -> int:
        return len(self.info)


class FeatureMaps(nn.Module):
    """Images -> maps, finest first: the stem's at a reduction of 4, then the output levels'.

    Where level 2 is an output itself, the stem's map is left out. ``out_indices`` chooses maps,
    from the end where negative; None takes all.

    Raises:
        ValueError: for an index that no map has.
    """

    def __init__(
        self,
        encoder: Encoder,
        info: Sequence[dict[str, Any]],
        out_indices: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.keys = map_keys(encoder)
        if LOW_LEVEL in self.keys:
            encoder.extras.add(LOW_LEVEL)
        indices = range(len(self.keys)) if out_indices is None else out_indices
        if wrong := [i for i in indices if not -len(self.keys) <= i < len(self.keys)]:
            raise ValueError(f"out_indices: there is no map {wrong[0]}, only {len(self.keys)} maps")
        self.feature_info = FeatureInfo(info, [i % len(self.keys) for i in indices])

    def forward(self, x_B3HW: Tensor) -> list[Tensor]:
        """Map i has ceil(side / reduction) pixels a side."""
        maps = self.encoder(x_B3HW)
        return [maps[self.keys[i]] for i in self.feature_info.out_indices]

    def __prepare_scriptable__(self) -> fx.GraphModule:
        """Asked for by ``torch.jit.script``."""
        return scriptable(self)


def map_keys(encoder: Encoder) -> tuple[int, ...]:
    """Under which key the encoder hands each map over, finest first."""
    low = () if 2 in encoder.out_channels else (LOW_LEVEL,)
    return (*low, *sorted(encoder.out_channels))
