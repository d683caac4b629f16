"""Opens the networks that a training learns from: what they say, each in the order of the data's
classes, and which of them teaches its features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from nas.config import Config, TeacherConfig
from nas.parts import build
from nas.parts.build import section_of
from nas.prediction.onnx_networks import ONNX, open_onnx
from nas.prediction.predictors import open_predictor
from nas.runs import teacher_identity
from proxy_tasks.checkpoint import Weights
from proxy_tasks.datasets import Dataset
from proxy_tasks.feature_teacher import FeatureTeacher
from proxy_tasks.intensities import Intensities
from proxy_tasks.proxy import find_device
from proxy_tasks.teachers import Ensemble, NetworkTeacher, Teacher
from proxy_tasks.weights_file import SUFFIX, says_its_network
from search_space.encoders import ENCODERS
from search_space.errors import UserError


def open_teacher(sources: Sequence[Path], data: Dataset, device: torch.device) -> Teacher:
    """One network, or the ensemble of several.

    Args:
        sources: of each, the folder of a promotion or of a huggingface or onnx export, a file of
            weights of ours, or an ONNX network.

    Raises:
        UserError: where there is no such network, it is damaged, its classes are not those of the
            data, or it takes images of other channels or another depth.
    """
    members = [_open(source.expanduser(), data, device) for source in sources]
    return members[0] if len(members) == 1 else Ensemble(members)


def talking(sources: Sequence[Path]) -> list[Path]:
    """Those that know classes: all but encoders and backbones that were pretrained alone. UserError
    for a file of weights that is none."""
    return [source for source in sources if not _alone(source)]


def tapped(teacher: TeacherConfig, data: Dataset) -> FeatureTeacher | None:
    """Whose features are learnt: an encoder's, or else the first network's; None where none are.

    Raises:
        UserError: for one without features, or of images of other channels.
    """
    if not teacher.features:
        return None
    source = Path(teacher.encoders[0]) if teacher.encoders else teacher.paths[0].expanduser()
    first, *_ = teacher_identity.files(source)
    if first.suffix == ONNX:
        raise UserError(
            f"teacher.features: {source}: an ONNX network gives probabilities alone; name an"
            " encoder in teacher.from, put a promotion or its weights first, or write features: 0"
        )
    try:
        given = str(source) if teacher.encoders else str(_weights(source))
        found = FeatureTeacher.named(given, None)
        channels = found.channels()
    except UserError as error:
        raise UserError(f"teacher.from: {error}") from error
    if channels != data.channels:
        raise UserError(
            f"teacher.from: {source}: takes images of {channels} channels; the data's have"
            f" {data.channels}: give a network trained on such"
        )
    return found


def check(config: Config) -> None:
    """UserError where a teacher of the search, or of its promotions, cannot be used."""
    for training in (config.proxy, *([config.promotion] if config.promotion.top else [])):
        if training.teacher is None:
            continue
        data = build.dataset(config, training.size)
        try:
            check_features(training.teacher)
            if named := talking(training.teacher.paths):
                open_teacher(named, data, find_device(config.engine.device))
            tapped(training.teacher, data)
        except UserError as error:
            raise UserError(f"{section_of(training)}.{error}") from error


def check_features(teacher: TeacherConfig) -> None:
    """UserError for a teacher of which nothing would be learnt."""
    if not teacher.features and not talking(teacher.paths):
        raise UserError(
            f"teacher.features: {teacher.paths[0]} knows no classes, its features alone can be"
            " learnt; write 1.0, or another network in from"
        )


def _alone(source: Path) -> bool:
    """Whether it is a backbone without a head."""
    if str(source) in ENCODERS:
        return True
    file = _weights(source.expanduser())
    return file.suffix == SUFFIX and says_its_network(file) and Weights.open(file).alone


def _weights(source: Path) -> Path:
    """The file of a network that holds its weights."""
    return teacher_identity.files(source)[-1]


def _open(source: Path, data: Dataset, device: torch.device) -> NetworkTeacher:
    first, *_ = teacher_identity.files(source)
    try:
        if first.suffix == ONNX:
            known = open_onnx(first, device)
            order = _order(known.classes, known.count, data.classes)
            labeller = known.labeller(order)
        else:
            predictor = open_predictor(source if first.name == "config.json" else first)
            order = _order(predictor.classes, len(predictor.classes), data.classes)
            labeller = predictor.labeller(device=device, channels=order)
    except UserError as error:
        named = "" if str(error).startswith(str(source)) else f"{source}: "
        raise UserError(f"teacher.from: {named}{error}") from error
    _check_images(source, labeller.intensities, data)
    return NetworkTeacher(labeller)


def _check_images(source: Path, taken: Intensities, data: Dataset) -> None:
    depth = 8 if taken.top < 256 else 16
    if (taken.channels, depth) != (data.channels, data.depth):
        raise UserError(
            f"teacher.from: {source}: takes images of {taken.channels} channels of {depth} bits;"
            f" the data's have {data.channels} of {data.depth}: give a network trained on such"
        )


def _order(known: Sequence[str] | None, count: int, classes: Sequence[str]) -> list[int]:
    """The network's channel of each class of the data: by name, or by number where it knows no
    names. UserError where they are not the same classes."""
    if known is None:
        if count != len(classes):
            raise UserError(
                f"tells {count} classes apart, the data have {len(classes)}: give a network that"
                " was trained on the data's classes"
            )
        return list(range(count))
    if sorted(known) != sorted(classes):
        raise UserError(f"{_differ(known, classes)}: give a network that was trained on them")
    return [list(known).index(name) for name in classes]


def _differ(known: Sequence[str], classes: Sequence[str]) -> str:
    lacks = [name for name in classes if name not in known]
    if lacks:
        return f"does not know the data's {_some(lacks)}"
    more = [name for name in known if name not in classes]
    return f"knows {_some(more) or 'a class twice'}, which the data do not have"


def _some(names: Sequence[str], most: int = 4) -> str:
    return ", ".join(names[:most]) + (" ..." if len(names) > most else "")
