"""How a network is to see images, from the options of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from proxy_tasks.sight import OWN, Sight
from proxy_tasks.views import Size, Views
from results.build_options import parse_size
from search_space.errors import UserError

AS_THEY_ARE = "own"
"""The ``--size`` that leaves images as they are."""


@dataclass(frozen=True)
class Asked:
    """The options of ``nas predict`` and ``nas evaluate``; sizes as HEIGHTxWIDTH."""

    size: str | None = None
    scales: Sequence[str] = ()
    flip: bool = False
    window: str | None = None
    stride: str | None = None

    def views(self) -> Views:
        """UserError for options that are none."""
        try:
            scales = tuple(float(scale) for scale in self.scales) or (1.0,)
        except ValueError:
            raise UserError(
                f"--scales {' '.join(self.scales)}: write numbers, as in --scales 0.75 1.0 1.25"
            ) from None
        window, stride = _size(self.window, "--window"), _size(self.stride, "--stride")
        return Views(scales, self.flip, window, stride)

    def sight(self) -> Sight | None:
        """What ``--size`` says; None where it says nothing. UserError."""
        if self.size == AS_THEY_ARE:
            return OWN
        size = _size(self.size, "--size")
        return None if size is None else Sight(stretch=size)


def told_apart(images: Sequence[Path], scales: Sequence[str]) -> tuple[list[Path], list[str]]:
    """The images, and the scales: a command line cannot tell the second and further numbers behind
    ``--scales`` from images."""
    more = [path for path in images if scales and _is_number(path) and not path.exists()]
    return [path for path in images if path not in more], [*scales, *map(str, more)]


def _is_number(path: Path) -> bool:
    try:
        return float(str(path)) > 0
    except ValueError:
        return False


def sight_of(asked: Sight | None, views: Views, trained: Sight) -> Sight:
    """What was asked for, else as in training. But images that were stretched to one size then are
    taken as they are where there is a window: it would show all of them otherwise."""
    if asked is not None:
        return asked
    return OWN if views.window and trained.stretch else trained


def _size(text: str | None, option: str) -> Size | None:
    return None if text is None else parse_size(text, option)
