"""The ``data`` section: where images and labels lie, and what label values mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from nas.settings.section import Section
from proxy_tasks.datasets.catalogue import CATALOGUE


class SplitConfig(Section):
    """See proxy_tasks.datasets.listing.SplitRule."""

    train: str | tuple[str, ...] | None = None
    val: str | tuple[str, ...] | None = None
    share: float | None = Field(None, gt=0, lt=1)
    test: str | tuple[str, ...] | None = None
    folds: int | None = Field(None, ge=2)


_Name: Any = Literal[tuple(CATALOGUE)]


class DataConfig(Section):
    """``root`` is the folder of the images; ``cache`` is where decoded images are packed.
    ``values`` is the value map, see proxy_tasks.datasets.labels.label_code."""

    name: _Name = "scenes"
    root: Path | None = None
    classes: tuple[str, ...] | None = None
    ignore: tuple[int, ...] | None = None
    values: dict[Annotated[str, Field(coerce_numbers_to_str=True)], str] | None = None
    split: SplitConfig | None = None
    overlap: Literal["file", "small"] | None = None
    """What lies on top where shapes overlap, see proxy_tasks.datasets.annotations.painting."""
    uncovered: str | None = None
    """What pixels are that no shape covers: background, void or a class."""
    images: str | None = None
    labels: str | None = None
    """Patterns of where they lie, see proxy_tasks.datasets.patterns."""
    exif: Literal["turn", "raw"] | None = None
    """On what label maps were drawn where EXIF turns photographs, see
    proxy_tasks.datasets.upright."""
    unlabelled: Path | tuple[Path, ...] | None = None
    """Folders of images that are trained on through a teacher alone, see
    proxy_tasks.datasets.unlabelled."""
    cache: Path = Path("~/.cache/spinenet-seg")
    scenes: tuple[int, int] = (384, 96)
    """How many procedural scenes to train on and to validate on."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """Of images without labels."""
        if self.unlabelled is None:
            return ()
        return self.unlabelled if isinstance(self.unlabelled, tuple) else (self.unlabelled,)
