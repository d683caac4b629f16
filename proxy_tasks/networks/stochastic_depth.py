"""Residual branches that are left out at random (Huang et al. 2016, arXiv 1603.09382)."""

from __future__ import annotations

from torch import Tensor, nn

from proxy_tasks.networks.blocks import BottleneckBlock, Encoder, ResidualBlock
from proxy_tasks.processes import ALONE, Group


class DropPath(nn.Module):
    """Leaves an image's branch out with probability ``rate``, and scales what stays by
    1 / (1 - rate), so that nothing has to be scaled in evaluation, as EfficientNet and SpineNet do
    it (the paper scales in evaluation instead).

    Draws from torch's global generator, for the images of the whole ``group``: an image has the
    same fate in whichever process it is.
    """

    def __init__(self, rate: float, group: Group = ALONE) -> None:
        super().__init__()
        self.rate, self._group = rate, group

    def forward(self, x_BCHW: Tensor) -> Tensor:
        if not self.training:
            return x_BCHW
        keep = 1 - self.rate
        kept_B111 = x_BCHW.new_empty(len(x_BCHW) * self._group.size, 1, 1, 1).bernoulli_(keep)
        return x_BCHW * self._group.share(kept_B111).div_(keep)


def drop_paths(backbone: Encoder, rate: float, group: Group = ALONE) -> None:
    """Give every residual block a chance to be left out, in place, that grows linearly with its
    place l = 1 ... L in the order in which they run: rate * l / L (arXiv 1603.09382, equation 4).

    The layers have no weights: the state dict stays as it is.
    """
    blocks = [m for m in backbone.modules() if isinstance(m, ResidualBlock | BottleneckBlock)]
    for place, block in enumerate(blocks, start=1):
        layer = DropPath(rate * place / len(blocks), group)
        block.body.append(layer.train(block.training))
