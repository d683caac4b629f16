"""Trainable parameters of the published SpineNets, layer by layer as their authors' code has them:
tensorflow/models, official/vision/modeling/backbones/spinenet.py, with ImageNet's classifier
behind it (a fully connected layer on the mean of the endpoints). Nothing of ours is used here.
"""

from __future__ import annotations

BLOCKS = (
    (2, "bottleneck", 0, 1),
    (4, "residual", 0, 1),
    (3, "bottleneck", 2, 3),
    (4, "bottleneck", 2, 4),
    (6, "residual", 3, 5),
    (4, "bottleneck", 3, 5),
    (5, "residual", 6, 7),
    (7, "residual", 6, 8),
    (5, "bottleneck", 8, 9),
    (5, "bottleneck", 8, 10),
    (4, "bottleneck", 5, 10),
    (3, "bottleneck", 4, 10),
    (5, "bottleneck", 7, 12),
    (7, "bottleneck", 5, 14),
    (6, "bottleneck", 12, 14),
)
"""Level, type and parents behind the two blocks of the stem (SPINENET_BLOCK_SPECS there), without
the last one, of level 2: nothing reads it. The last five are read out."""
FILTERS = {2: 64, 3: 128, 4: 256, 5: 256, 6: 256, 7: 256}
STEM_FILTERS = 64
"""Whatever the width."""
SCALES = {
    "49S": (0.65, 0.5, 1, 128),
    "49": (1.0, 0.5, 1, 256),
    "96": (1.0, 0.5, 2, 256),
    "143": (1.0, 1.0, 3, 256),
    "190": (1.3, 1.0, 4, 512),
}
"""Width, alpha, repeats and filters of the endpoints (SCALING_MAP there)."""
_OUTPUTS = 5


def parameters(name: str, classes: int = 1000) -> int:
    """Of the classifier at a scale."""
    width, alpha, repeats, endpoint = SCALES[name]
    filters = {level: int(count * width) for level, count in FILTERS.items()}
    total, channels = _conv_norm(3, STEM_FILTERS, 7), STEM_FILTERS
    made = []
    for _ in range(2):
        total += _group("bottleneck", channels, filters[2], repeats)
        channels = 4 * filters[2]
        made.append((2, channels, filters[2]))
    for level, kind, *parents in BLOCKS:
        channels = _expansion(kind) * filters[level]
        for parent in parents:
            theirs, before, thin = made[parent]
            squeezed = int(thin * alpha)
            total += _conv_norm(before, squeezed, 1) + _conv_norm(squeezed, channels, 1)
            total += _conv_norm(squeezed, squeezed, 3) if theirs < level else 0
        total += _group(kind, channels, filters[level], repeats)
        made.append((level, channels, filters[level]))
    total += sum(_conv_norm(channels, endpoint, 1) for _, channels, _ in made[-_OUTPUTS:])
    return total + (endpoint + 1) * classes


def _conv_norm(channels: int, filters: int, kernel: int) -> int:
    """A convolution without bias, and a batch norm's gamma and beta."""
    return channels * filters * kernel**2 + 2 * filters


def _expansion(kind: str) -> int:
    return 4 if kind == "bottleneck" else 1


def _group(kind: str, channels: int, filters: int, repeats: int) -> int:
    """Blocks in a row; the first has a projection where its map is not as wide as it reads."""
    total, wide = 0, _expansion(kind) * filters
    for _ in range(repeats):
        if kind == "bottleneck":
            total += _conv_norm(channels, filters, 1) + _conv_norm(filters, filters, 3)
            total += _conv_norm(filters, wide, 1)
        else:
            total += _conv_norm(channels, filters, 3) + _conv_norm(filters, filters, 3)
        total += _conv_norm(channels, wide, 1) if channels != wide else 0
        channels = wide
    return total
