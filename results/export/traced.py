"""Our network as a graph for every batch and image size (``torch.export``)."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch.export import Dim, ExportedProgram

from results.export.subject import Subject
from search_space.architecture import Architecture
from search_space.backbone import Backbone


def smallest_side(backbone: Backbone) -> int:
    """Pixels of a side from which on no map has a single row: a traced graph holds from there,
    as PyTorch tells sides of 1 from all others."""
    if not isinstance(backbone, Architecture):
        return 2 ** max(stage.level for stage in backbone.plan) + 1
    levels = [backbone.all_blocks[index].level for index in backbone.alive]
    return 2 ** max(levels) + 1


@lru_cache(maxsize=1)  # several formats of one command start from the same graph
def traced(subject: Subject) -> ExportedProgram:
    """The network in inference, with batch, height and width left open.

    Takes ten seconds of a core and more, most of it algebra on shapes.
    """
    side = 2 * smallest_side(subject.spec.backbone)
    image = (torch.randn(2, 3, side + 7, side + 9),)  # no side equals another, or they are tied
    shapes = {0: Dim.DYNAMIC, 2: Dim.DYNAMIC, 3: Dim.DYNAMIC}
    with torch.no_grad():
        return torch.export.export(subject.network, image, dynamic_shapes=(shapes,), strict=False)
