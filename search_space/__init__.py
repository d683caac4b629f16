"""What there is to search: genes, architectures, their files and their keys.

Names are loaded when they are used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search_space.architecture import Architecture, Block
    from search_space.architecture_file import LoadedSpec
    from search_space.backbone import Backbone
    from search_space.canonical import canonical_key
    from search_space.errors import UserError
    from search_space.genes import Gene, Genotype, SearchSpace
    from search_space.resnet import DilatedResNet
    from search_space.scale_permuted import ScalePermutedSpace
    from search_space.scales import SCALES, Scale

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

__all__ = [
    "SCALES",
    "Architecture",
    "Backbone",
    "Block",
    "DilatedResNet",
    "Gene",
    "Genotype",
    "LoadedSpec",
    "Scale",
    "ScalePermutedSpace",
    "SearchSpace",
    "UserError",
    "canonical_key",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
