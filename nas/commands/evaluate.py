"""``nas evaluate``: the figures that a paper reports, for weights of ours on any data set.

``nas evaluate --json`` prints one object, which ``evaluation.yaml`` keeps too:

    date, weights   when, and the SHA-256 of the weights' file
    data            name, root, split, images, fingerprint; unknown and left_out: classes that only
                    the data set or only the network has
    sight, views    how large the network saw an image, and the other options
    tolerance       of boundary F
    scores          miou, pixel_accuracy, mean_accuracy, frequency_weighted_iou, boundary_f
    classes         {name: {share, iou, accuracy, boundary_f}}
    own             true on the data of the run that the network is of, seen as in its training

All shares lie in [0, 1]; null is what is not defined.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from nas import config as configs
from nas.commands.data import DEFAULT
from nas.config import Config
from nas.parts import build
from nas.prediction.overlay import label_map
from nas.prediction.predictors import open_predictor
from nas.prediction.submission import submission
from nas.prediction.viewing import Asked, sight_of
from nas.runs import data_identity, evaluations
from nas.runs.directory import around
from nas.runs.evaluations import Evaluated, Evaluation
from nas.terminal.evaluated import report
from proxy_tasks.checkpoint import Checkpoint
from proxy_tasks.datasets import DATASETS, PARTS, Dataset
from proxy_tasks.datasets.base import Pixels, Split
from proxy_tasks.labelling import Labeller
from proxy_tasks.proxy import find_device
from proxy_tasks.tally import Tally
from results.export.staging import publish, staged
from search_space.errors import UserError
from search_space.files import sha256

DATA_HINT = "give --data NAME --set data.root=DIR, or --data with a config"
_EXPORTED = ("model.safetensors", "weights.pt")
_COLOURS, _SUBMISSION = "colours", "submission"


@dataclass(frozen=True)
class Options:
    """As on the command line."""

    data: str | None = None
    settings: Sequence[str] = ()
    split: str | None = None
    asked: Asked = field(default_factory=Asked)
    boundary: float | None = None
    output: Path | None = None
    submission: bool = False
    as_json: bool = False
    keep: bool = True


def evaluate(weights: Path, options: Options, console: Console) -> None:
    """Score a network on a split, print it, and keep it beside the weights, unless ``keep`` is
    off; where nothing can be written there, a line on standard error says so.

    Raises:
        UserError: for weights, data or options that are none, classes that do not meet, or, where
            no data are named, others than the network's run began with.
    """
    work = _Work.of(weights, options)
    if options.output is None:
        found, _ = work.evaluation(console)
    else:
        with staged(options.output) as stage:
            found, _ = work.evaluation(console, _Pictures(stage, work, options.submission))
            evaluations.save(stage, found)
            publish(stage, options.output, (_COLOURS, _SUBMISSION, evaluations.FILE))
    if options.as_json:
        console.file.write(json.dumps(found.to_dict(), indent=2) + "\n")
    else:
        report(found, str(weights), console)
    written = [options.output] if options.output else []
    written += _kept(work.keep, found)
    if not options.as_json:
        for path in written:
            console.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)


def _kept(folder: Path | None, found: Evaluation) -> list[Path]:
    """The record of it, where there is one to keep and it can be."""
    if folder is None:
        return []
    try:
        return [evaluations.save(folder, found)]
    except UserError as error:
        print(f"not kept: {error}; --no-keep leaves it", file=sys.stderr)
        return []


def measured(weights: Path, options: Options, console: Console) -> Evaluation:
    """As ``evaluate``, but print nothing: the score, kept beside the weights of a promotion with
    what was found in each image."""
    work = _Work.of(weights, options)
    found, by_image = work.evaluation(console)
    if work.keep:
        evaluations.save(work.keep, found, by_image)
    return found


@dataclass(frozen=True)
class _Match:
    """``channels`` of the network stand for the data set's classes ``indices``."""

    channels: tuple[int, ...]
    indices: Pixels
    unknown: tuple[str, ...]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, network: Sequence[str], data: Sequence[str]) -> _Match:
        """By name. UserError where fewer than two meet: there would be nothing to choose."""
        shared = [name for name in network if name in data]
        if len(shared) < 2:
            raise UserError(
                f"the network knows {_some(network)}, the data set {_some(data)}:"
                " at least two classes must have the same names in both"
            )
        return cls(
            tuple(list(network).index(name) for name in shared),
            np.array([list(data).index(name) for name in shared], np.uint8),
            tuple(name for name in data if name not in network),
            tuple(name for name in network if name not in data),
        )


@dataclass(frozen=True)
class _Work:
    """An evaluation whose inputs have all been checked. ``keep``: the folder of the weights, where
    records of their evaluations are kept; None for exports, whose folders are not ours. ``own`` as
    an Evaluation has it."""

    config: Config
    dataset: Dataset
    split: Split
    tolerance: float | None
    match: _Match
    labeller: Labeller
    file: Path
    own: bool
    keep: Path | None = field(default=None)

    @classmethod
    def of(cls, weights: Path, options: Options) -> _Work:
        """UserError for weights, data or options that do not fit."""
        views, asked = options.asked.views(), options.asked.sight()
        wanted = None if options.split is None else _split(options.split)
        _check(options)
        source, file, place = _found(weights)
        keep = place if options.keep else None
        predictor = open_predictor(source)
        if keep:
            evaluations.load_all(keep)  # a damaged record is told of before the work is done
        config = _config(weights, options)
        dataset = build.dataset(config, config.promotion.size)
        split = _part(dataset, wanted, own=options.data is None)
        own = False
        if options.data is None and (run := around(weights)):
            data_identity.refuse_other(run, dataset, split)
            own = asked is None and data_identity.is_own(run, split, options.settings)
        if not dataset.count(split):
            raise UserError(f"--split {split}: {dataset.name} has no images there")
        match = _Match.of(predictor.classes, dataset.classes)
        labeller = predictor.labeller(
            views,
            sight=sight_of(asked, views, predictor.sight),
            device=find_device(config.engine.device),
            channels=match.channels,
        )
        return cls(config, dataset, split, options.boundary, match, labeller, file, own, keep)

    def evaluation(
        self, console: Console, pictures: _Pictures | None = None
    ) -> tuple[Evaluation, NDArray[np.int64]]:
        """Image by image, see `Tally.by_image`; what is found goes to the pictures too."""
        data = Evaluated(
            self.dataset.name,
            None if self.config.data.root is None else str(self.config.data.root),
            self.split,
            self.dataset.count(self.split),
            self.dataset.fingerprint(self.split),
            self.match.unknown,
            self.match.left_out,
        )
        tally = self._tally(console, pictures)
        date = datetime.now(UTC).isoformat(timespec="seconds")
        digest = sha256(self.file)
        sight, views = self.labeller.sight, self.labeller.views
        scores = tally.scores()
        found = Evaluation(date, digest, data, sight, views, self.tolerance, scores, self.own)
        return found, tally.by_image()

    def _tally(self, console: Console, pictures: _Pictures | None) -> Tally:
        tally = Tally(self.dataset.classes, self.tolerance)
        total = self.dataset.count(self.split)
        with console.status(f"evaluating on {self.dataset.name}") as status:
            for index in range(total):
                image, labels = self.dataset.load(self.split, index)
                found = self.match.indices[self.labeller.predict(image, labels.shape)]
                tally.add(found, labels)
                if pictures:
                    pictures.add(index, found)
                status.update(f"evaluating on {self.dataset.name}: {index + 1} of {total} images")
        return tally


@dataclass(frozen=True)
class _Pictures:
    """Colour maps of what was found and, where it is submitted, the benchmark's files."""

    folder: Path
    work: _Work
    submitted: bool

    def add(self, index: int, found: Pixels) -> None:
        """UserError where nothing can be written."""
        data, split = self.work.dataset, self.work.split
        name = data.image_name(split, index)
        self._save(self.folder / _COLOURS / f"{name}.png", label_map(found, data.palette))
        if self.submitted:
            path, image = submission(data.name, split, name, found, data.palette)
            self._save(self.folder / _SUBMISSION / path, image)

    def _save(self, path: Path, image: Image.Image) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path)
        except OSError as error:
            raise UserError(f"{path}: cannot be written: {error.strerror}") from error


def _part(dataset: Dataset, wanted: Split | None, own: bool) -> Split:
    """What to score on. UserError for the ``own`` network of a run with folds on what they hold out
    in turn: it was trained on all of it."""
    if not (dataset.folds and own):
        return wanted or "val"
    if wanted is None and dataset.count("test"):
        return "test"
    if wanted in (None, "val"):
        raise UserError(
            "--split val: the network was trained on all images that the folds hold out in turn;"
            " write --split test if there is a test part, or --split train to see how well it fits"
            " its training images"
        )
    return wanted


def _split(name: str) -> Split:
    for split in PARTS:
        if name == split:
            return split
    raise UserError(f"--split {name}: write {', '.join(PARTS[:-1])} or {PARTS[-1]}")


def _check(options: Options) -> None:
    if options.boundary is not None and options.boundary < 0:
        raise UserError(f"--boundary {options.boundary:g}: must be at least 0 pixels")
    folder = options.output
    if folder is None:
        if options.submission:
            raise UserError("--submission: needs -o, the folder to write to")
        return
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise UserError(f"{folder}: exists already; name a new folder, or an empty one")


def _found(weights: Path) -> tuple[Path, Path, Path | None]:
    """What to open, the file of the weights, and where to keep what is found."""
    if (inside := Checkpoint(weights).weights).is_file():
        weights = inside
    if not weights.is_dir():
        return weights, weights, weights.parent
    files = [weights / name for name in _EXPORTED if (weights / name).is_file()]
    return weights, files[0] if files else weights, None


def _config(weights: Path, options: Options) -> Config:
    """Of ``--data``, else of the run in whose folder the weights lie."""
    if options.data is None:
        if (run := around(weights)) is not None:
            config = configs.with_settings(run.config(), options.settings, ("data.", "engine."))
            data_identity.refuse_missing(config)
            return config
        raise UserError(f"{weights}: not in a run's folder, so its data are not known; {DATA_HINT}")
    if options.data in configs.presets() or Path(options.data).is_file():
        return configs.load(options.data, options.settings)
    if options.data in DATASETS:
        return configs.load(DEFAULT, [f"data.name={options.data}", *options.settings])
    if Path(options.data).is_dir():
        quoted = shlex.quote(options.data)
        raise UserError(
            f"--data {options.data}: is a folder; write --data folder --set data.root={quoted}, or"
            f" another name of {', '.join(DATASETS)}"
        )
    raise UserError(f"--data {options.data}: write {', '.join(DATASETS)}, or the path of a config")


def _some(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (" ..." if len(names) > most else "")
