"""Everything about a data set that shows when each file is read once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from proxy_tasks.datasets.base import IGNORE, SPLITS, Dataset, Pixels, Split
from proxy_tasks.datasets.faults import Fault, Faults
from proxy_tasks.datasets.files import FileDataset

Counts = NDArray[np.int64]


@dataclass
class SplitSurvey:
    """Of the pairs that have nothing wrong. By class: ``pixels``, and ``images`` that show it;
    ``sizes`` counts images by (height, width)."""

    number: int
    pixels: Counts
    images: Counts
    void: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)

    @property
    def shares(self) -> NDArray[np.float64]:
        """Of the labelled pixels, by class; zeros where none is labelled."""
        return self.pixels / max(1, self.pixels.sum())

    @property
    def void_share(self) -> float:
        """Of all pixels."""
        return self.void / max(1, self.void + int(self.pixels.sum()))

    def add(self, labels: Pixels) -> None:
        """Count one image."""
        counted = np.bincount(labels.ravel(), minlength=256)
        own = counted[: len(self.pixels)]
        self.pixels += own
        self.images += own > 0
        self.void += int(counted[IGNORE])
        self.sizes[labels.shape[0], labels.shape[1]] += 1


@dataclass(frozen=True)
class Survey:
    """``faults`` keep the data set from being used; ``notes`` do not."""

    name: str
    classes: tuple[str, ...]
    splits: dict[Split, SplitSurvey]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]


def survey(dataset: Dataset, progress: Callable[[int, int], None] | None = None) -> Survey:
    """Read every image and label map once, one at a time, whatever is wrong with the others.

    ``progress`` is called with (images done, images in all).
    """
    files: FileDataset | None = dataset if isinstance(dataset, FileDataset) else None
    faults = list(files.faults) if files else []
    splits: dict[Split, SplitSurvey] = {}
    done, total = 0, sum(dataset.count(split) for split in SPLITS)
    for split in SPLITS:
        splits[split] = _empty(dataset, split)
        for index in range(dataset.count(split)):
            try:
                splits[split].add(dataset.load(split, index)[1])
            except Faults as found:
                faults += found.faults
            done += 1
            if progress:
                progress(done, total)
    spare = [f"{path} has no image" for path in files.spare] if files else []
    notes = (*_notes(dataset.classes, splits), *spare)
    return Survey(dataset.name, dataset.classes, splits, tuple(faults), notes)


def _empty(dataset: Dataset, split: Split) -> SplitSurvey:
    pixels, images = np.zeros((2, len(dataset.classes)), np.int64)
    return SplitSurvey(dataset.count(split), pixels, images)


def _notes(classes: tuple[str, ...], splits: dict[Split, SplitSurvey]) -> list[str]:
    train, val = (splits[split].images > 0 for split in SPLITS)
    seen = zip(classes, train, val, strict=True)
    return [
        f"class {name!r} is in no training image"
        + (", but in validation: its IoU will be 0" if validated else "")
        for name, trained, validated in seen
        if not trained
    ]
