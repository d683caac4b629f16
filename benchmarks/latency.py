"""How well a table of operators predicts the latency of networks that were never measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from results.export.onnx_model import save_model
from results.export.subject import Subject
from search_space.architecture import Architecture
from search_space.encoders import ENCODERS
from search_space.scale_permuted import ScalePermutedSpace
from search_space.scales import Scale
from search_space.spine import SpineSpace

SEED = 2021
CLASSES = 11
WIDTHS = (0.25, 0.375, 0.5)
HEADS = ("deeplabv3", "deeplabv3+")
SIZES = ((192, 256), (320, 320))


@dataclass(frozen=True)
class Drawn:
    """A network that nobody measured."""

    name: str
    backbone: Architecture
    scale: Scale
    size: tuple[int, int]


def drawn(count: int) -> Iterator[Drawn]:
    """By turns of both spaces, over widths, heads and sizes."""
    rng = np.random.default_rng(SEED)
    spaces: dict[str, ScalePermutedSpace | SpineSpace] = {
        "scratch": ScalePermutedSpace(),
        "spine": SpineSpace(ENCODERS["efficientnet-lite0"], 6),
    }
    for number in range(count):
        kind = tuple(spaces)[number % 2]
        width = WIDTHS[number // 2 % 3]
        filters = max(32, round(256 * width / 16) * 16)
        head = HEADS[number // 2 % 2]
        backbone = spaces[kind].decode(spaces[kind].sample(rng))
        scale = Scale(width, endpoint_filters=filters, aspp_filters=filters, head=head)
        yield Drawn(f"{kind}-{number:02d}", backbone, scale, SIZES[number // 6 % 2])


def exported(one: Drawn, folder: Path) -> Path:
    """Its graph, as the product writes it; written once."""
    path = folder / f"{one.name}.onnx"
    if not path.exists():
        names = tuple(f"class {number}" for number in range(CLASSES))
        save_model(Subject(one.backbone, one.scale, names, one.size, one.name), path)
    return path
