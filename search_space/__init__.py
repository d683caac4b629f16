"""What there is to search: genes, architectures, their files and their keys.

Names are loaded when they are used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Architecture": "architecture",
    "Backbone": "backbone",
    "Block": "architecture",
    "DilatedResNet": "resnet",
    "Gene": "genes",
    "Genotype": "genes",
    "LoadedSpec": "architecture_file",
    "SCALES": "scales",
    "ScalePermutedSpace": "scale_permuted",
    "Scale": "scales",
    "SearchSpace": "genes",
    "UserError": "errors",
    "canonical_key": "canonical",
}

__all__ = list(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
