"""What every network here is built from: convolutions with batch norm, and residual blocks.

Shapes: B images, C channels, H x W pixels of the map.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from proxy_tasks.networks.depthwise import DepthwiseConv2d
from proxy_tasks.networks.freezable import Freezable
from search_space.resnet import BOTTLENECK_EXPANSION, Stage
from search_space.shapes import block_channels

DOWNSAMPLE = 2
"""Each level halves the map; with a padding of 1 an odd size n gives ceil(n / 2)."""

LOW_LEVEL, AUXILIARY = -1, -2
"""Keys of the maps that an encoder hands over besides its output levels, where a head asks."""


class Encoder(Freezable):
    """A backbone: images in, one map per level out.

    Level l has ceil(image size / 2**l) pixels. ``out_channels`` tells what a decoder has to
    expect: level -> channels, finest level first. A head that reads more puts LOW_LEVEL (a map of
    level 2 with ``low_channels``) or AUXILIARY (with ``auxiliary_channels``, None where there is
    no such map) into ``extras``; what nobody asks for is let go as soon as it can be.
    """

    out_channels: Mapping[int, int]
    low_channels: int
    auxiliary_channels: int | None = None

    def __init__(self) -> None:
        super().__init__()
        self.extras: set[int] = set()


def conv_bn(
    in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    """Convolution without bias, then batch norm. Keeps the size but for the stride (ceil)."""
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(
        in_channels, out_channels, kernel, stride, padding, dilation=dilation, bias=False
    )
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


def conv_bn_relu(
    in_channels: int, out_channels: int, kernel: int, *, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    """As conv_bn, then ReLU."""
    layers = conv_bn(in_channels, out_channels, kernel, stride=stride, dilation=dilation)
    return layers.append(nn.ReLU(inplace=True))


def depthwise_bn_relu(channels: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """As conv_bn_relu with 3x3 kernels, but each channel is filtered by itself."""
    conv = DepthwiseConv2d(channels, 3, stride=stride, dilation=dilation)
    return nn.Sequential(conv, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


def spatial_bn_relu(
    in_channels: int, out_channels: int, *, dilation: int = 1, separable: bool = False
) -> nn.Sequential:
    """As conv_bn_relu with 3x3 kernels; where it is ``separable``, a depthwise one and a 1x1."""
    if not separable:
        return conv_bn_relu(in_channels, out_channels, 3, dilation=dilation)
    return nn.Sequential(
        depthwise_bn_relu(in_channels, dilation=dilation),
        conv_bn_relu(in_channels, out_channels, 1),
    )


def max_pool() -> nn.MaxPool2d:
    """The 3x3 pooling that halves a map."""
    return nn.MaxPool2d(3, DOWNSAMPLE, padding=1)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, both dilated (He et al. 2015, arXiv 1512.03385, figure 5 left).

    x_BCHW with ``in_channels`` -> ``filters`` channels at ceil(size / stride). Where they are
    ``separable``, each is a depthwise one and a 1x1.
    """

    expansion = 1

    def __init__(
        self,
        in_channels: int,
        filters: int,
        dilation: int = 1,
        stride: int = 1,
        separable: bool = False,
    ) -> None:
        super().__init__()
        if separable:
            self.body = nn.Sequential(
                depthwise_bn_relu(in_channels, stride=stride, dilation=dilation),
                conv_bn_relu(in_channels, filters, 1),
                depthwise_bn_relu(filters, dilation=dilation),
                conv_bn(filters, filters, 1),
            )
        else:
            self.body = nn.Sequential(
                conv_bn_relu(in_channels, filters, 3, stride=stride, dilation=dilation),
                conv_bn(filters, filters, 3, dilation=dilation),
            )
        self.shortcut = _shortcut(in_channels, filters, stride)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.body(x_BCHW).add_(self.shortcut(x_BCHW)).relu_()


class BottleneckBlock(nn.Module):
    """1x1, dilated 3x3, 1x1 to four times the filters (arXiv 1512.03385, figure 5 right).

    The stride sits on the 3x3, which keeps what a strided 1x1 would throw away; where it is
    ``separable``, the 3x3 is depthwise, as the 1x1 behind it mixes the channels.
    x_BCHW with ``in_channels`` -> 4 x ``filters`` channels at ceil(size / stride).
    """

    expansion = BOTTLENECK_EXPANSION

    def __init__(
        self,
        in_channels: int,
        filters: int,
        dilation: int = 1,
        stride: int = 1,
        separable: bool = False,
    ) -> None:
        super().__init__()
        out_channels = filters * self.expansion
        if separable:
            spatial = depthwise_bn_relu(filters, stride=stride, dilation=dilation)
        else:
            spatial = conv_bn_relu(filters, filters, 3, stride=stride, dilation=dilation)
        self.body = nn.Sequential(
            conv_bn_relu(in_channels, filters, 1), spatial, conv_bn(filters, out_channels, 1)
        )
        self.shortcut = _shortcut(in_channels, out_channels, stride)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.body(x_BCHW).add_(self.shortcut(x_BCHW)).relu_()


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    return conv_bn(in_channels, out_channels, 1, stride=stride)


BLOCK_CLASSES: dict[str, type[ResidualBlock] | type[BottleneckBlock]] = {
    "residual": ResidualBlock,
    "bottleneck": BottleneckBlock,
}


def stacked_blocks(
    kind: str,
    in_channels: int,
    filters: int,
    *,
    dilation: int,
    repeats: int,
    separable: bool = False,
) -> nn.Sequential:
    """``repeats`` blocks of one type in a row, all with the same filters and dilation."""
    block = BLOCK_CLASSES[kind]
    channels = [in_channels] + [block_channels(kind, filters)] * (repeats - 1)
    return nn.Sequential(
        *(block(count, filters, dilation, separable=separable) for count in channels)
    )


def resnet_stage(
    block: type[ResidualBlock] | type[BottleneckBlock],
    in_channels: int,
    filters: int,
    stage: Stage,
) -> nn.Sequential:
    """The blocks of one stage of a ResNet, with these filters before an expansion."""
    out_channels = filters * block.expansion
    blocks = [block(in_channels, filters, stage.first_dilation, stage.stride)]
    for _ in range(stage.blocks - 1):
        blocks.append(block(out_channels, filters, stage.dilation))
    return nn.Sequential(*blocks)


def initialise(network: nn.Module) -> None:
    """Kaiming normal (fan out) for convolutions, one and zero for batch norms, in place.

    The last batch norm of a residual block starts at one like all others: starting at zero pays
    off in long trainings, and proxies are short.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
