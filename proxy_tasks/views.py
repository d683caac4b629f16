"""How a network is to look at one image. Imports no torch, so that a record of it is read fast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import gt

from search_space.errors import UserError

Size = tuple[int, int]


@dataclass(frozen=True)
class Views:
    """Sizes are (height, width) in pixels.

    ``size``: what an image is resized to before the network sees it, None: its own;
    ``scales`` multiply it; ``flip`` adds the mirror image of every view. With a ``window`` the
    network sees parts of that size, ``stride`` apart (None: two thirds of the window); the last of
    a row and of a column end at the image's edge.

    Raises:
        UserError: for values that show no image, or not all of it.
    """

    size: Size | None = None
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
                f"--stride {_text(self.stride)}: must be at most the window, {_text(self.window)},"
                " or pixels between windows are never seen"
            )

    def seen(self, size: Size, scale: float) -> Size:
        """What an image of this size is resized to at one of the scales."""
        height, width = self.size or size
        return max(1, round(height * scale)), max(1, round(width * scale))

    def windows(self, size: Size) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of each, together all of an image of this size."""
        assert self.window is not None
        strides = self.stride or tuple(max(1, 2 * side // 3) for side in self.window)
        rows, columns = map(_parts, size, self.window, strides)
        return ((row, column) for row in rows for column in columns)


def _parts(length: int, window: int, stride: int) -> list[slice]:
    """Windows along one side; a single one where the side is shorter."""
    last = max(0, length - window)
    return [slice(start, start + min(window, length)) for start in (*range(0, last, stride), last)]


def _text(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
