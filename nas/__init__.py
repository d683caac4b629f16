"""Neural-architecture search for semantic segmentation.

``import nas`` gives the Python face (nas.api): ``nas.search``, ``nas.load``, ``nas.build`` and
``nas.export``. Names are loaded when they are used, so that the command line starts at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.api import Run, build, export, load, search
    from nas.failures import RunFailed
    from search_space.errors import UserError

__all__ = ["Run", "RunFailed", "UserError", "build", "export", "load", "search"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nas import api

    return getattr(api, name)
