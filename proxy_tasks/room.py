"""Whether this machine could hold a network, from its costs: before a tensor of it is allocated.

A config, an architecture file and the header of a weights file may say any number.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

from search_space.backbone import Backbone
from search_space.cost import cost
from search_space.errors import UserError
from search_space.scales import Scale
from search_space.tape import FLOAT

REPEATS = 1000
"""Of a block, at most: more takes minutes to add up."""
ENDLESS = 2**63
SLACK = 2
"""The costs of a training step are a model: refused is what needs so many times the memory."""


def memory() -> int:
    """Bytes that this process may have: of the machine, of its container, of its shell's limit;
    without end where nobody says."""
    return min(_machine(), _container(), _limit())


def _machine() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return ENDLESS


def _container() -> int:
    try:
        said = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return ENDLESS
    return int(said) if said.isdecimal() else ENDLESS


def _limit() -> int:
    try:
        import resource
    except ImportError:  # Windows has none
        return ENDLESS
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    return ENDLESS if most == resource.RLIM_INFINITY else most


def check_scale(scale: Scale) -> None:
    """Raises UserError for one whose costs could not even be worked out."""
    if not math.isfinite(scale.filters):
        raise UserError(f"filters must be a finite number, not {scale.filters}")
    if scale.repeats > REPEATS:
        raise UserError(f"repeats must be at most {REPEATS}, not {scale.repeats}")


def check_room(
    backbone: Backbone, scale: Scale, classes: int, size: tuple[int, int], batch: int = 0
) -> None:
    """Whether the weights fit, and the scores of all classes for an image of ``size``; where there
    is a ``batch``, a step of training with so many of them.

    Raises:
        UserError: where they do not, or as ``check_scale`` and ``cost`` do.
    """
    check_scale(scale)
    known = cost(backbone, scale, classes, size)
    need = known.training_bytes(batch) if batch else FLOAT * known.parameters + known.memory.logits
    if need > (SLACK if batch else 1) * (there := memory()):
        what = f"training it by {batch} images" if batch else "holding it and its answer"
        raise UserError(
            f"the network has {_said(known.parameters)} parameters: {what} of {size[0]}x{size[1]}"
            f" takes {_said(need // 10**9)} GB, and this machine has {there // 10**9}; make it"
            " smaller"
        )


def _said(count: int) -> str:
    return f"{count:,}" if count < 10**15 else "over 10^15"
