"""All that ``nas describe`` knows of a network, worked out without building it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from proxy_tasks.objectives import EXPORTED_LATENCY
from results import text_diagram
from results.build_options import BuildOptions
from search_space import catalog
from search_space.architecture import ATTRIBUTES, NETWORK_ATTRIBUTES, Architecture
from search_space.backbone import Backbone, head_of, seen_size
from search_space.canonical import canonical_key
from search_space.cost import Cost, Part, cost, parts
from search_space.heads import HEADS
from search_space.latency import LatencyModel, LatencyTable
from search_space.resnet import DilatedResNet
from search_space.taps import Taps, dead, smallest_side

BATCH = 16
"""Images a batch, for the training memory that is told."""
_DIRECTIONS = {text_diagram.UP: "up", text_diagram.DOWN: "down", text_diagram.LEVEL: "same"}


@dataclass(frozen=True)
class Description:
    """A backbone under its name, built for a target, with its costs."""

    name: str
    backbone: Backbone
    target: BuildOptions
    auxiliary: bool = False
    provenance: Mapping[str, Any] = field(default_factory=dict)
    table: LatencyTable | None = None
    """What the latency of its export is predicted from."""

    @cached_property
    def latency(self) -> float | None:
        """Seconds of the exported network for one image; None without a table."""
        if self.table is None:
            return None
        target = self.target
        model = LatencyModel(self.table)
        return model.of(self.backbone, target.scale, target.classes, target.size).ms / 1e3

    @property
    def kind(self) -> str:
        """``scale-permuted``, ``encoder`` or ``dilated ResNet``."""
        if isinstance(self.backbone, DilatedResNet):
            return "dilated ResNet"
        return "scale-permuted" if self.backbone.blocks else "encoder"

    @property
    def head(self) -> str:
        """One of search_space.heads.HEADS."""
        return head_of(self.backbone, self.target.scale)

    @property
    def finest(self) -> int:
        """Level of the map that the head reads."""
        if isinstance(self.backbone, DilatedResNet):
            return self.backbone.plan[-1].level
        return self.backbone.output_levels[0]

    @property
    def rates(self) -> tuple[int, ...]:
        """Atrous rates of ASPP; none in a head that has no such pyramid."""
        size = seen_size(self.backbone, self.target.size)
        return HEADS[self.head].rates(size, 2**self.finest)

    @cached_property
    def dead(self) -> tuple[Taps, ...]:
        """Parts whose outer taps read nothing but padding at this size."""
        return tuple(dead(self.backbone, self.target.size))

    @property
    def smallest_side(self) -> int:
        """Pixels of the shorter side of an image from which on none does."""
        return smallest_side(self.backbone)

    @cached_property
    def cost(self) -> Cost:
        """The totals."""
        return cost(*self._built)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """What the totals are made of, row by row."""
        return parts(*self._built)

    @property
    def _built(self) -> tuple[Any, ...]:
        target = self.target
        return self.backbone, target.scale, target.classes, target.size, self.auxiliary


def load(
    name_or_path: str,
    target: BuildOptions,
    auxiliary: bool = False,
    table: LatencyTable | None = None,
) -> Description:
    """Describe an entry of the catalogue or an architecture file.

    Raises:
        UserError: when it is neither, or cannot be built for the target.
    """
    spec = catalog.find(name_or_path)
    name = catalog.title(name_or_path)
    target = target.fitted(name, spec.backbone, auxiliary)
    return Description(name, spec.backbone, target, auxiliary, spec.provenance, table)


def summary(description: Description) -> dict[str, Any]:
    """Name, target and totals in JSON types; the keys are listed at nas.commands.describe."""
    target, total = description.target, description.cost
    return {
        "name": description.name,
        "kind": description.kind,
        "key": canonical_key(description.backbone),
        "scale": {"name": target.scale_name, **asdict(target.scale)},
        "head": description.head,
        "auxiliary": description.auxiliary,
        "size": list(target.size),
        "classes": target.classes,
        "parameters": total.parameters,
        "macs": total.macs,
        **({EXPORTED_LATENCY: description.latency} if description.table else {}),
        "activation_bytes": total.activations,
        "training_bytes": {str(n): total.training_bytes(n) for n in (1, BATCH)},
        "aspp_rates": list(description.rates),
        "receptive_fields": {str(level): n for level, n in total.receptive_fields.items()},
        "smallest_side": description.smallest_side,
        "dead": [asdict(each) for each in description.dead],
    }


def as_dict(description: Description) -> dict[str, Any]:
    """The summary, the structure, the parts and where the spec came from."""
    return {
        **summary(description),
        **_structure(description.backbone),
        "parts": [_part(part) for part in description.parts],
        "provenance": _plain(description.provenance),
    }


def _structure(backbone: Backbone) -> dict[str, Any]:
    if isinstance(backbone, DilatedResNet):
        stages = [{**asdict(stage), "output_stride": 2**stage.level} for stage in backbone.plan]
        return {"output_stride": backbone.output_stride, "stages": stages}
    blocks = [_block(backbone, index) for index in range(len(backbone.all_blocks))]
    whole = {each.name: getattr(backbone, each.name) for each in NETWORK_ATTRIBUTES}
    return {"output_levels": list(backbone.output_levels), "network": whole, "blocks": blocks}


def _block(architecture: Architecture, index: int) -> dict[str, Any]:
    block = architecture.all_blocks[index]
    arrows = {p: text_diagram.arrow(architecture, p, index) for p in architecture.parents[index]}
    return {
        "id": index,
        "level": block.level,
        "stride": 2**block.level,  # beside the level
        **{each.name: getattr(block, each.name) for each in ATTRIBUTES},
        "inputs": [{"block": p, "resampled": _DIRECTIONS[sign]} for p, sign in arrows.items()],
        "absorbed": list(architecture.absorbed.get(index, ())),
        "stem": index < len(architecture.stem),
        "read_out": index in architecture.output_blocks.values(),
        "built": index in architecture.alive,
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "level": part.level,
        "channels": part.channels,
        "size": list(part.size),
        "parameters": part.parameters,
        "macs": part.macs,
        "activation_bytes": part.activations,
    }


def _plain(value: Any) -> Any:
    """As JSON has it: keys and dates are text, and NaN, which JSON lacks, is null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | None) else str(value)
