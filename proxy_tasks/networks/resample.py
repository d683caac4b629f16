"""How a parent's map reaches the level and the width of the block that reads it."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from proxy_tasks.networks.blocks import DOWNSAMPLE, conv_bn, conv_bn_relu, max_pool
from search_space.shapes import zoomed


class Resample(nn.Module):
    """The cross-scale connection of SpineNet (arXiv 1912.05027, section 3.2).

    1x1 convolution to ``alpha`` x the parent's filters (those before a bottleneck's expansion);
    down: one strided 3x3 convolution, then 3x3 max-pools; up: nearest; 1x1 convolution to
    ``out_channels`` without ReLU, as the parents are summed next.

    Nearest up-sampling copies pixels, so it commutes with a 1x1 convolution and a batch norm:
    both run before it, which is the same function at 4 to 1024 times fewer multiply-adds. So the
    up-sampling itself is left to the block that sums its parents (see ``up_sampled``).
    """

    def __init__(
        self,
        *,
        in_channels: int,
        in_filters: int,
        in_level: int,
        out_channels: int,
        out_level: int,
        alpha: float,
    ) -> None:
        super().__init__()
        filters = max(1, int(in_filters * alpha))
        self.levels_up = max(0, in_level - out_level)
        self.squeeze = conv_bn_relu(in_channels, filters, 1)
        self.down = _downsampling(filters, out_level - in_level)
        self.expand = conv_bn(filters, out_channels, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """The parent's map -> one of ``out_channels``, at the coarser of the two levels."""
        return self.expand(self.down(self.squeeze(x_BCHW)))


def up_sampled(x_BCHW: Tensor, levels: int, size: tuple[int, int]) -> Tensor:
    """Nearest, by that many levels to (height, width); by none, the map is returned as it is."""
    if not levels:
        return x_BCHW
    return F.interpolate(x_BCHW, size=size, mode="nearest")


def shrunk(x_BCHW: Tensor, zoom: float) -> Tensor:
    """Images at ``zoom`` of their sides, bilinear."""
    if zoom == 1:
        return x_BCHW
    size = zoomed((x_BCHW.shape[2], x_BCHW.shape[3]), zoom)
    return F.interpolate(x_BCHW, size=size, mode="bilinear", align_corners=False)


def _downsampling(filters: int, levels: int) -> nn.Sequential:
    if levels <= 0:
        return nn.Sequential()
    pools = [max_pool() for _ in range(levels - 1)]
    return nn.Sequential(conv_bn_relu(filters, filters, 3, stride=DOWNSAMPLE), *pools)
