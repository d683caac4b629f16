"""What every whole network gives that labels pixels, whichever its head."""

from __future__ import annotations

from torch import Tensor, nn

from proxy_tasks.networks.blocks import Encoder
from proxy_tasks.networks.endpoints import Endpoints
from search_space.scales import Scale


class Segmenter(nn.Module):
    """The protocol of the networks in SEGMENTERS: for type checkers, and for the suite in
    tests/contracts/test_heads.py, which holds each of them to it.

    No network inherits from it, so that an exported one needs nothing but its own source; and it
    is no ``typing.Protocol``, as none can say that it is a module of torch as well.

    Args:
        backbone: hands its maps over; a head that reads more of it says so in its ``extras``.
        classes: K, that the network tells apart.
        scale: filters of endpoints and head.
        rates: atrous ones, as the head's declaration gives them (search_space.heads).
        auxiliary: with a second head for training, on a ResNet's third stage.

    Attributes:
        backbone: its parameters are the backbone's; all others are the head's.
        endpoints: make one map of the backbone's levels; None in a head that reads them apart.
        auxiliary: the second head, or None.
    """

    backbone: Encoder
    endpoints: Endpoints | None
    auxiliary: nn.Module | None

    def __init__(
        self,
        backbone: Encoder,
        classes: int,
        scale: Scale,
        rates: tuple[int, ...],
        auxiliary: bool = False,
    ) -> None:
        raise NotImplementedError

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Images -> logits_BKHW at the images' size, bilinear from those of ``forward_low``."""
        raise NotImplementedError

    def forward_low(self, x_BCHW: Tensor) -> Tensor:
        """Images -> logits_BKhw of ceil(side / stride) pixels, with the stride that the head's
        declaration says."""
        raise NotImplementedError

    def forward_auxiliary(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
        """Images -> (logits as forward_low, logits of the auxiliary head), for training.

        Raises:
            UserError: if the network was built without an auxiliary head.
        """
        raise NotImplementedError
