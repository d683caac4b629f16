"""Which points a figure shows where there are too many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from results.views.style import MOST


def thinned(count: int, wanted: NDArray[np.bool_], most: int = MOST) -> NDArray[np.int64]:
    """Indices in [0, count), rising: all that are ``wanted``, and of the others every k-th, so
    that there are about ``most`` together. The same for the same input."""
    if count <= most:
        return np.arange(count)
    others = np.flatnonzero(~wanted)
    room = max(most - int(wanted.sum()), 1)
    step = max(1, -(-len(others) // room))
    return np.sort(np.concatenate([np.flatnonzero(wanted), others[::step]]))
