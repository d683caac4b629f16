"""What every encoder's network is: images in, a map of each level out.

Shapes: B images, C channels, H x W pixels of the map.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from proxy_tasks.networks.freezable import Freezable


class LevelEncoder(Freezable):
    """Images, normalised as its spec says -> level -> map of ceil(size / 2**level) pixels, finest
    level first, up to the deepest level that is asked for; what lies behind that is not built."""

    def forward(self, x_BCHW: Tensor) -> dict[int, Tensor]:
        """Level -> map."""
        raise NotImplementedError

    def depends(self) -> dict[int, Mapping[str, Tensor]]:
        """Level -> what its map depends on beyond the levels before it, finest level first. Where
        the parts cannot be told apart, all stands with the first."""
        raise NotImplementedError


class StagedEncoder(LevelEncoder):
    """A stem, and level by level what leads to the next map.

    Attributes:
        stem: what an image goes through first.
        levels: level, as a string -> what leads to its map from that of the level before.
    """

    stem: nn.Module
    levels: nn.ModuleDict

    def forward(self, x_BCHW: Tensor) -> dict[int, Tensor]:
        """Level -> map."""
        maps, x_BCHW = {}, self.stem(x_BCHW)
        for level, blocks in self.levels.items():
            x_BCHW = maps[int(level)] = blocks(x_BCHW)
        return maps

    def depends(self) -> dict[int, Mapping[str, Tensor]]:
        """Level -> its layers; the first with the stem."""
        found: dict[int, Mapping[str, Tensor]] = {}
        before = {f"stem.{name}": x for name, x in self.stem.state_dict().items()}
        for level, layers in self.levels.items():
            found[int(level)] = {**before, **layers.state_dict()}
            before = {}
        return found
