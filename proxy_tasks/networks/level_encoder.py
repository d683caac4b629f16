"""What every encoder's network is: a stem, and level by level what leads to the next map.

Shapes: B images, C channels, H x W pixels of the map.
"""

from __future__ import annotations

from torch import Tensor, nn

from proxy_tasks.networks.freezable import Freezable


class LevelEncoder(Freezable):
    """Images, normalised as its spec says -> level -> map, up to the deepest level that is asked
    for; what lies behind that is not built.

    Attributes:
        stem: what an image goes through first.
        levels: level, as a string -> what leads to its map from that of the level before.
    """

    stem: nn.Module
    levels: nn.ModuleDict

    def forward(self, x_BCHW: Tensor) -> dict[int, Tensor]:
        """Level -> map of ceil(size / 2**level) pixels, finest level first."""
        maps, x_BCHW = {}, self.stem(x_BCHW)
        for level, blocks in self.levels.items():
            x_BCHW = maps[int(level)] = blocks(x_BCHW)
        return maps
