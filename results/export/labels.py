"""``predict.py``: what labels images with a graph that lies beside it."""

from __future__ import annotations

from results.export.ending import LABELLING, NetworkSpec, described, seeing
from results.export.sources import bundle
from results.export.standalone import docstring

PREDICT = "predict.py"


def labelling(spec: NetworkSpec, lines: str, load: str, imports: str, needs: str) -> str:
    """Its text.

    Args:
        lines: of the page beside it.
        load: source of the function that opens the graph, and ``imports`` what that needs.
        needs: what has to be installed beside numpy.
    """
    first = f"Labels images by a {described(spec)}: {needs} and numpy are all it needs."
    ending = f"{_IMPORTS}{imports}\n{seeing(spec)}\n\n\n{load}"
    return bundle(LABELLING, ending, docstring(spec, lines, first))


_IMPORTS = """\
from pathlib import Path
from typing import Any
"""
