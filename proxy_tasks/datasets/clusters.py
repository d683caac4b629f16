"""Errors of what is measured on images that are not independent of each other.

Frames of one film and pictures of one place look alike: counted as independent, a hundred frames of
one street would prove anything of all streets.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

import numpy as np
from numpy.typing import NDArray

_LEAST_GROUPS = 4
_LEAST_BLOCKS = 16


def clusters(groups: Sequence[str]) -> NDArray[np.int64]:
    """(images,): equal numbers for images that may depend on each other, from each image's scene
    folder, in the order of the data set.

    The folders themselves where there are at least four. Else runs of images that follow each
    other, as frames of a film do: as many runs as the root of the number of images, but at least
    16, or one for each image where there are no more (batch means, as for Markov chains: Geyer,
    "Practical Markov Chain Monte Carlo", Statistical Science 1992).
    """
    found, numbers = np.unique(np.asarray(groups, str), return_inverse=True)
    if len(found) >= _LEAST_GROUPS:
        return numbers.astype(np.int64)
    blocks = max(min(len(groups), _LEAST_BLOCKS), isqrt(len(groups)))
    return np.arange(len(groups)) * blocks // max(1, len(groups))


def spread(scores: NDArray[np.float64], clusters: NDArray[np.int64]) -> float | None:
    """The standard error of a sum of ``scores`` that are zero on average, of which those of one
    cluster may depend on each other in any way (Liang and Zeger, Biometrika 1986). None for fewer
    than two clusters."""
    names, members = np.unique(clusters, return_inverse=True)
    if len(names) < 2:
        return None
    sums = np.bincount(members, scores)
    return float(np.sqrt(np.square(sums).sum() * len(names) / (len(names) - 1)))
