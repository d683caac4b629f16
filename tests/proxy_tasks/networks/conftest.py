"""Random architectures, drawn directly: these tests do not depend on a search space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from search_space.architecture import BLOCK_TYPES, Architecture, Block
from search_space.scales import Scale

STEM = (Block(2, "bottleneck"), Block(2, "bottleneck"))
OUTPUT_LEVELS = (3, 4, 5)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture
def stem() -> tuple[Block, ...]:
    return STEM


@pytest.fixture
def small() -> Scale:
    return Scale(filters=0.125, endpoint_filters=16, aspp_filters=16)


@pytest.fixture
def random_architecture() -> Callable[[int], Architecture]:
    return _random_architecture


def _random_architecture(seed: int) -> Architecture:
    rng = np.random.default_rng(seed)
    levels = [*rng.integers(2, 8, size=7), *rng.permutation(OUTPUT_LEVELS)]
    blocks = [
        Block(
            level=int(level),
            type=str(rng.choice(BLOCK_TYPES)),
            inputs=tuple(int(i) for i in rng.choice(len(STEM) + place, 2, replace=False)),
            dilation=int(rng.choice((1, 2, 4))),
            output=place >= 7,
        )
        for place, level in enumerate(levels)
    ]
    return Architecture(STEM, tuple(blocks), OUTPUT_LEVELS)
