"""Which data a run was begun with: ``data.json`` in its folder, by what the files hold.

Scores of two data sets do not belong in one leaderboard. So whoever goes on with a run compares
its data with that record, and refuses others. Where the files lie, when they were written and in
which order they are listed does not matter.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self

from rich.console import Console

from nas.parts import build
from nas.config import Config
from nas.runs.data_changes import Changes, Files, files, told
from nas.runs.promotion_records import read_json, write_json
from nas.runs.directory import RunDirectory
from proxy_tasks.datasets import PARTS, Dataset
from proxy_tasks.datasets.base import Split
from proxy_tasks.datasets.files import FileDataset
from proxy_tasks.datasets.unlabelled import WithUnlabelled
from search_space.errors import UserError
from search_space.files import at_home

FORMAT = "spinenet-seg-data/2"
_WITHOUT_FOLDS = "spinenet-seg-data/1"
MOVABLE = ("data.root", "data.cache", "data.unlabelled")
"""Settings that may change with a run: the same data may lie elsewhere."""
UNLABELLED = "unlabelled"
"""The part of images that are trained on through a teacher alone."""


@dataclass(frozen=True)
class Part:
    """Digest of each file by its name below the root. ``whole`` stands for all of them where a data
    set has no files."""

    images: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    whole: str = ""


@dataclass(frozen=True)
class Folds:
    """Into how many the images of train are divided, 0 where they are not; ``which`` differs where
    an image is in another one."""

    count: int = 0
    which: str = ""


@dataclass(frozen=True)
class Identity:
    """``meaning``: what label values mean, the same for the same. ``parts``: those that there are;
    with folds, train alone, as val is the same images. None ``folds``: of a record of format 1,
    which does not say."""

    name: str
    classes: tuple[str, ...]
    meaning: str
    parts: Mapping[str, Part]
    folds: Folds | None = None

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """UserError for a file that cannot be read."""
        parts: dict[str, Part] = {part: _part(dataset, part) for part in _parts(dataset)}
        known = dataset.name, tuple(dataset.classes), _meaning(dataset), parts
        return cls(*known, _folds(dataset))

    def files(self, kind: Literal["images", "labels"]) -> Files:
        """Of all parts."""
        return files((name, getattr(part, kind)) for name, part in self.parts.items())

    def whole(self, part: str) -> str:
        """What stands for a part without files; empty where there is none."""
        return self.parts[part].whole if part in self.parts else ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of to_dict. ValueError, KeyError or TypeError for anything else."""
        if values["format"] not in (FORMAT, _WITHOUT_FOLDS):
            raise ValueError(f"format {values['format']!r}, expected {FORMAT!r}")
        parts = {name: Part(**part) for name, part in values["parts"].items()}
        folds = Folds(**values["folds"]) if values["format"] == FORMAT else None
        return cls(values["name"], tuple(values["classes"]), values["meaning"], parts, folds)


def of(config: Config) -> Identity:
    """Of the data that a config names. UserError where they cannot be used."""
    return of_dataset(config, build.dataset(config, config.proxy.size))


def of_dataset(config: Config, labelled: Dataset, remembered: bool = True) -> Identity:
    """Of one that is open, and the images without labels beside it."""
    found = Identity.of(labelled)
    if not config.data.folders:
        return found
    cache = build.cache_of(config) if remembered else None
    beside = WithUnlabelled(labelled, config.data.folders, cache)
    return replace(found, parts={**found.parts, UNLABELLED: Part(images=beside.digests())})


def hold(run: RunDirectory, config: Config, console: Console) -> None:
    """Refuse data that are not those that the run began with, by a UserError of one line. A run of
    an earlier release, which has no record of its data, gets one, and a line says so."""
    refuse_missing(config)
    with console.status(f"comparing {config.data.name} with what the run began with"):
        now = of(config)
    if (before := load(run)) is None:
        write_json(run.data_file, now.to_dict())
        console.print(
            f"note: {run.path} had no record of its data; they are now recorded in"
            f" {run.data_file.name} as they are, and from now on other data are refused",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
    else:
        refuse(run, now, config)
        if before.folds is None:
            write_json(run.data_file, now.to_dict())


def refuse(run: RunDirectory, now: Identity, config: Config) -> None:
    """UserError for data, where ``config`` has them, that are not those that the run began with, as
    far as it says."""
    if (before := load(run)) and (changed := difference(before, now)):
        raise UserError(
            f"{changed}: a leaderboard cannot mix two data sets; put the data back, or"
            f" begin a copy of the run on them: {_copy(run, config)} --run NEW"
        )


def _copy(run: RunDirectory, config: Config) -> str:
    """The command that begins one, for a shell: it has the identity of the data as they are now,
    the run's config, and what the run found to begin with, scored anew."""
    audit = (run.path / "legs").is_dir()
    words = ["nas", "audit" if audit else "search", str(run.config_file)]
    words += [] if audit else ["--from", str(run.path)]
    if config.data.root != run.config().data.root:
        words += ["--set", f"data.root={config.data.root}"]
    return shlex.join(words)


def refuse_other(run: RunDirectory, dataset: Dataset, split: Split) -> None:
    """UserError where a split is not the one that the run began with, or its record is damaged."""
    if changed := _changed(run, dataset, split):
        raise UserError(
            f"{changed}: its scores would stand beside the run's own; put them back, or name the"
            " data to score on: --data CONFIG, or --data NAME --set data.root=DIR"
        )


def is_own(run: RunDirectory, split: Split, settings: Sequence[str]) -> bool:
    """Whether a split, which is not refused, is known to be the run's own: by its record, or in a
    run of an earlier release by the config, with no ``settings`` over its data."""
    if (before := load(run)) is None:
        return not any(each.startswith("data.") for each in settings)
    return split in before.parts or (split == "val" and "train" in before.parts)


def _changed(run: RunDirectory, dataset: Dataset, split: Split) -> str | None:
    """None, too, where nothing is known of the split."""
    before = load(run)
    part: Split = "train" if split == "val" and dataset.folds else split
    if before is None or part not in before.parts:
        return None
    parts: dict[str, Part] = {part: _part(dataset, part)}
    now = Identity(dataset.name, tuple(dataset.classes), _meaning(dataset), parts)
    return difference(replace(before, parts={part: before.parts[part]}, folds=None), now)


def refuse_missing(config: Config) -> None:
    """UserError where the folder of a run's data is gone."""
    root = config.data.root
    if root is not None and not at_home(root).is_dir():
        raise UserError(
            f"no folder {root}, where the run's data were: say where they are now,"
            " with --set data.root=DIR"
        )


def load(run: RunDirectory) -> Identity | None:
    """None for a run of an earlier release, which has no record. UserError if it is damaged."""
    try:
        values = read_json(run.data_file)
        return Identity.from_dict(values) if values else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{run.data_file}: damaged ({error}); remove it if you are sure that the data are those"
            " that the run began with"
        ) from error


def difference(before: Identity, now: Identity) -> str | None:
    """What changed and how much of it, in one line; None where nothing did."""
    if before.name != now.name:
        return f"the data are {now.name}, but the run began with {before.name}"
    if before.classes != now.classes:
        return (
            f"the classes are {_some(now.classes)}, but the run began with {_some(before.classes)}"
        )
    pairs = [(before.files(kind), now.files(kind)) for kind in ("images", "labels")]
    images, labels = (Changes.between(*pair) for pair in pairs)
    if changed := told(images, labels):
        return "; ".join(changed)
    parts = {*before.parts, *now.parts}
    if others := sorted(part for part in parts if before.whole(part) != now.whole(part)):
        return f"the images of {' and '.join(others)} are not those that the run began with"
    if before.meaning != now.meaning:
        return "label values mean other classes than when the run began"
    return _divided_otherwise(before.folds, now.folds)


def _divided_otherwise(before: Folds | None, now: Folds | None) -> str | None:
    """None, too, where one of them is not known."""
    if before is None or now is None or before == now:
        return None
    if before.count != now.count:
        return (
            f"there are {now.count or 'no'} folds, but the run began with {before.count or 'none'}"
        )
    return f"the {now.count} folds hold other images than when the run began"


def _some(names: tuple[str, ...], most: int = 8) -> str:
    return ", ".join(names[:most]) + (" ..." if len(names) > most else "")


def _parts(dataset: Dataset) -> list[Split]:
    there: list[Split] = [part for part in PARTS if dataset.count(part)]
    return [part for part in there if not (part == "val" and dataset.folds)]


def _part(dataset: Dataset, part: Split) -> Part:
    if not isinstance(dataset, FileDataset):
        return Part(whole=dataset.fingerprint(part))
    pairs = dataset.pairs(part)
    labels = {pair.label for pair in pairs}
    # The digests are in this order, each file once.
    paths = dict.fromkeys(path for pair in pairs for path in (pair.image, pair.label))
    found = dict(zip(paths, dataset.digests(part).items(), strict=True))
    return Part(
        dict(named for path, named in found.items() if path not in labels),
        dict(named for path, named in found.items() if path in labels),
    )


def _folds(dataset: Dataset) -> Folds:
    if not dataset.folds:
        return Folds()
    names = [dataset.image_name("train", index) for index in range(dataset.count("train"))]
    known = sorted(zip(names, dataset.folds, strict=True))
    which = hashlib.sha256(repr(known).encode()).hexdigest()[:16]
    return Folds(len(set(dataset.folds)), which)


def _meaning(dataset: Dataset) -> str:
    """Changes where the same label files would be read otherwise."""
    if not isinstance(dataset, FileDataset):
        return ""
    labels = {pair.label for part in _parts(dataset) for pair in dataset.pairs(part)}
    codes = sorted({repr(dataset.code_of(label).identity) for label in labels})
    return hashlib.sha256(repr((codes, dataset.exif)).encode()).hexdigest()[:16]
