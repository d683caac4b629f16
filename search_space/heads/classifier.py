"""ImageNet's classifier, as SpineNet was published with: no pixels are labelled."""

from __future__ import annotations

from search_space.heads.base import Head
from search_space.heads.parts import endpoints, logits
from search_space.nodes import Nodes


def _lay(graph: Nodes) -> int:
    """Reads the mean of the endpoints' means over the image."""
    return logits(graph, *endpoints(graph, "classifier", (1, 1)), kept=False)


HEAD = Head("classifier", "arXiv 1912.05027", _lay, pixels=False)
