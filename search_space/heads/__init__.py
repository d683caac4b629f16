"""The heads that read a backbone: how each is called, where it was published, what it costs.

A head is registered by its name in ``search_space.scales.HEADS``. The file of that name here
declares it as HEAD (a + is written _plus), and ``proxy_tasks.networks.SEGMENTERS`` has its network.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from search_space import scales
from search_space.backbone import Backbone, head_of
from search_space.errors import UserError
from search_space.heads.base import Head
from search_space.scales import SEGMENTING, Scale

__all__ = ["HEADS", "SEGMENTING", "Head", "segmenting"]


def _declared(name: str) -> Head:
    head: Head = import_module(f"{__name__}.{name.replace('+', '_plus')}").HEAD
    return head


HEADS: Mapping[str, Head] = {name: _declared(name) for name in scales.HEADS}
"""By the name that configs and files have for it."""


def segmenting(backbone: Backbone, scale: Scale) -> str:
    """The head that reads a backbone. UserError if it labels no pixels."""
    head = head_of(backbone, scale)
    if head not in SEGMENTING:
        raise UserError(f"head: a {head} labels no pixels: write one of {', '.join(SEGMENTING)}")
    return head
