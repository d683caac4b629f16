"""The name of a packed data set by what it holds, wherever its files came from."""

from __future__ import annotations

import hashlib

import numpy as np

from proxy_tasks.datasets.base import SPLITS
from proxy_tasks.datasets.packed import PackedData, PackedSplit

LOOKED_AT = 64
"""Label maps of each split that go into the name, evenly spaced."""


def identity(data: PackedData) -> str:
    """The same for packs of the same sight, classes and numbers of images whose labels agree.
    Labels alone are compared, as they come out alike from every version of an image decoder."""
    known = hashlib.sha256(repr((data.name, data.sight, data.classes)).encode())
    for name in SPLITS:
        split: PackedSplit = getattr(data, name)
        chosen = np.linspace(0, len(split) - 1, min(LOOKED_AT, len(split))).astype(int)
        known.update(f"{name} {len(split)}\n".encode())
        for number in chosen:
            known.update(np.ascontiguousarray(split.labels(number)).tobytes())
    return known.hexdigest()[:16]
