"""``nas pretrain``: weights of a backbone's own to start full trainings from."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from nas.config.pretraining import PretrainingConfig, parse
from nas.failures import RunFailed, interruptible
from nas.parts import pretraining as parts
from nas.parts.running import engine
from nas.prediction import subjects
from nas.runs import events
from nas.runs.directory import RunDirectory, around
from nas.runs.pretraining_folder import (
    GROUP,
    Begun,
    PretrainingFolder,
    check_same,
    digests_of,
    settings_of,
)
from nas.searching.pretraining import PretrainingQueue
from nas.terminal.pretraining import PretrainingProgress
from nas.terminal.progress import Board
from proxy_tasks.checkpoint import Weights
from proxy_tasks.datasets import locks
from proxy_tasks.datasets.image_folders import ImageFolders
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.feature_teacher import FeatureTeacher
from proxy_tasks.fitting import fit
from proxy_tasks.networks import build_segmenter
from proxy_tasks.pretraining.task import PretrainingTask
from proxy_tasks.task import Job
from proxy_tasks.weights_file import WeightsFile
from results.build_options import build_options
from search_space import catalog
from search_space.architecture_file import LoadedSpec
from search_space.errors import UserError
from search_space.heads import HEADS, SEGMENTING
from search_space.scales import DEEPLABV3, Scale


@dataclass(frozen=True)
class Asked:
    """``network``: an entry of the catalogue, an architecture file, a run (its best), or None,
    where a pretraining goes on. ``values`` are those of a PretrainingConfig that were given,
    ``settings`` go over them; ``scale`` is one's name."""

    network: str | None
    values: Mapping[str, Any]
    settings: Sequence[str] = ()
    scale: str | None = None
    output: Path | None = None
    resume: bool = False


def pretrain(asked: Asked, console: Console) -> None:
    """Train, and write the weights; nothing is written before the images are read.

    Raises:
        UserError: for a network, images, a teacher or settings that are none, or that do not go
            together; a folder that exists; other settings than those that a pretraining began
            with.
        RunFailed: where the training gave no result.
    """
    folder = _folder(asked)
    before = folder.begun() if asked.resume else None
    spec, scale = _network(asked, folder)
    config = parse(_values(asked, before, scale), asked.settings)
    taught = parts.teacher(config)
    found = parts.pictures(config)
    parts.check(config, spec.backbone, found)
    work = parts.task(config, spec.backbone, found, folder.path, taught)
    chosen, used = parts.resources(config)
    work = replace(work, data=parts.packed(config, found, console))
    digests = digests_of(config, found.digest(), taught.file if taught else None)
    if before is not None:
        begun = check_same(folder, config, spec, digests)
    else:
        epochs, images = parts.length(config, work, spec.backbone, used)
        begun = Begun(settings_of(config), epochs, images, digests)
        folder.create(begun, spec)
    _tell(console, config, found, work, begun)
    job = Job(
        0,
        folder.path.resolve().name,
        spec.backbone,
        config.fidelity(begun.epochs, begun.images),
        seed=config.seed,
    )
    board = Board(console, "held-out loss", "loss")
    queue = PretrainingQueue([job], PretrainingProgress(board))
    again = f"nas pretrain --resume -o {shlex.quote(str(folder.path))}"
    logged = events.logged(folder.path, "pretrain", again)
    with interruptible(again), logged, board.shown(), locks.used(work.data):
        engine(chosen, used).run(work, queue)
    if queue.failed:
        raise RunFailed(f"{folder.path}: {queue.failed[job.name]}; {_mended(folder)}")
    kept = _kept(folder, config, job, found, work)
    folder.finish(kept, _provenance(spec, config, found, taught))
    for line in _ended(folder, kept):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _folder(asked: Asked) -> PretrainingFolder:
    if asked.output is None and (asked.resume or asked.network is None):
        raise UserError("nas pretrain --resume: name the folder to go on with, as in -o DIR")
    if asked.resume:
        assert asked.output is not None
        return PretrainingFolder.open(asked.output)
    if asked.network is None:
        raise UserError(
            "nas pretrain: name a network: an entry of the catalogue (see `nas describe`),"
            " an architecture file, or a run"
        )
    name = catalog.title(asked.network)
    return PretrainingFolder.free(asked.output or Path("runs") / f"pretrained-{name}")


def _network(asked: Asked, folder: PretrainingFolder) -> tuple[LoadedSpec, Scale | None]:
    """The network, and the scale that is asked for; of a run its best, as it was built."""
    named = build_options(asked.scale).scale if asked.scale else None
    if asked.network is None:
        return folder.spec(), named
    if (place := Path(asked.network)).is_dir():
        (subject,) = subjects.resolve(asked.network, None, build_options())
        # Of a run's best that the search alone has built, that of the full trainings to come.
        run = RunDirectory(place)
        full = run.config().promotion.scale if run.config_file.is_file() else subject.scale
        return LoadedSpec(subject.backbone, subject.provenance), named or full
    if asked.network.endswith(subjects.WEIGHTS):
        raise UserError(
            f"{asked.network}: holds weights; name a network, and start from them with"
            f" --set weights={asked.network}"
        )
    spec = catalog.find(asked.network)
    if named is None and not asked.resume:
        within = around(place) if place.is_file() else None
        named = within.config().promotion.scale if within else build_options().scale
    return spec, named


def _values(asked: Asked, before: Begun | None, scale: Scale | None) -> dict[str, Any]:
    """What was given, over what a pretraining began with."""
    values = dict(before.settings) if before else {}
    if not before and "data" not in asked.values:
        raise UserError(
            "nas pretrain: give --data FOLDER: images in a folder for each class, or"
            " with --teacher images without labels"
        )
    if scale is not None:
        values["scale"] = asdict(scale)
    return values | dict(asked.values)


def _tell(
    console: Console,
    config: PretrainingConfig,
    found: ImageFolders,
    work: PretrainingTask,
    begun: Begun,
) -> None:
    """What is about to be learnt, in one line."""
    what = f"{len(found.names)} classes"
    if config.teacher:
        what = f"{config.teacher}'s features of levels {', '.join(map(str, work.levels))}"
    crops = begun.images or found.count("train")
    console.print(
        f"learns {what} from {found.count('train'):,} images, {found.count('val'):,} held out;"
        f" {begun.epochs} epochs of {crops:,} crops of {config.size[0]}x{config.size[1]}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _mended(folder: PretrainingFolder) -> str:
    """What to do about a training that failed."""
    return f"remove {folder.path} and begin anew, with a smaller recipe.learning_rate or batch"


def _kept(
    folder: PretrainingFolder,
    config: PretrainingConfig,
    job: Job,
    found: ImageFolders,
    work: PretrainingTask,
) -> Weights:
    """How the file describes its weights."""
    intensities = work.intensities(job.backbone, open_packed(work.data))
    return Weights(
        folder.weights,
        job.backbone,
        config.scale,
        config.size,
        found.names if work.labels else (),
        config.sight,
        intensities,
        alone=True,
    )


def _provenance(
    spec: LoadedSpec,
    config: PretrainingConfig,
    found: ImageFolders,
    taught: FeatureTeacher | None,
) -> dict[str, Any]:
    """Of the network as before, and of what its weights have seen."""
    own: dict[str, Any] = {"images": found.count("train"), "size": list(config.size)}
    own |= {"teacher": config.teacher} if taught else {"classes": len(found.names)}
    return {**spec.provenance, GROUP: own}


def _ended(folder: PretrainingFolder, kept: Weights) -> list[str]:
    """What was written, and what a full training takes of it."""
    scale = kept.scale
    if not HEADS[scale.head].pixels:
        scale = replace(scale, head=DEEPLABV3)
    assert scale.head in SEGMENTING
    with torch.device("meta"):
        network = build_segmenter(kept.backbone, scale, 2, kept.size)
    file = WeightsFile.open(folder.weights)
    where = shlex.quote(str(folder.weights))
    return [
        f"wrote {folder.weights}",
        f"a full training at this scale takes: {fit(network, kept.backbone, file).told(file)}",
        f"start one with --set promotion.weights={where}",
    ]
