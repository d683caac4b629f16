"""How a network is to look at one image, at the size at which it sees it.

Imports no torch, so that a record of it is read fast. Bundled into exports.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import gt

from search_space.errors import UserError

Size = tuple[int, int]

LARGEST = 2**22
"""Pixels of an image, as it is seen, that a network takes at once; a larger one goes through
windows of WINDOW."""
WINDOW = (1024, 1024)
LARGER = 1.5
"""An image that exceeds its network's usual window by this factor goes through windows."""


@dataclass(frozen=True)
class Views:
    """Sizes are (height, width) in pixels of the image as it is seen.

    ``scales`` multiply its size; ``flip`` adds the mirror image of every view. With a ``window``
    the network sees parts of that size, ``stride`` apart (None: two thirds of the window); the last
    of a row and of a column end at the image's edge. None takes an image as a whole, unless it has
    more than LARGEST pixels.

    Raises:
        UserError: for values that show no image, or not all of it.
    """

    scales: tuple[float, ...] = (1.0,)
    flip: bool = False
    window: Size | None = None
    stride: Size | None = None

    def __post_init__(self) -> None:
        if not self.scales or not all(0 < scale <= 16 for scale in self.scales):
            shown = " ".join(map(str, self.scales)) or "none"
            raise UserError(f"--scales {shown}: must be above 0, and at most 16")
        if self.stride and not self.window:
            raise UserError("--stride: is that of a window: give --window too")
        if self.stride and self.window and any(map(gt, self.stride, self.window)):
            raise UserError(
                f"--stride {_extent(self.stride)}: must be at most the window,"
                f" {_extent(self.window)}, or pixels between windows are never seen"
            )

    def grid(self, size: Size, usual: Size | None = None) -> tuple[list[slice], list[slice]]:
        """The rows of the windows, and their columns: each goes with each. ``usual``: the window
        of a network's sight."""
        window = self.window
        if window is None:
            window = size if size[0] * size[1] <= LARGEST else WINDOW
            if usual and any(side > LARGER * part for side, part in zip(size, usual, strict=True)):
                window = usual
        stride = self.stride or (max(1, 2 * window[0] // 3), max(1, 2 * window[1] // 3))
        rows, columns = map(_parts, size, window, stride)
        return rows, columns


def _parts(length: int, window: int, stride: int) -> list[slice]:
    """Windows along one side; a single one where the side is shorter."""
    last = max(0, length - window)
    return [slice(start, start + min(window, length)) for start in (*range(0, last, stride), last)]


def _extent(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
