"""Which networks a run's candidates learn from: ``teacher.json`` in its folder, by digests.

Scores of candidates that learnt from two teachers do not belong in one leaderboard. So whoever goes
on with a run compares its teacher with that record, and refuses another. Where its files lie does
not matter.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from nas.config import Config, TrainingConfig
from nas.runs.directory import RunDirectory
from nas.runs.promotion_records import digest, read_json
from search_space.errors import UserError

FORMAT = "spinenet-seg-teacher/1"
MOVABLE = ("proxy.teacher.from",)
"""Settings that may change with a run: the same networks may lie elsewhere."""

KINDS = (
    ("best.safetensors",),
    ("config.json", "model.safetensors"),
    ("model.onnx",),
)
"""What makes a folder one of a network: a promotion's, and those of the huggingface and onnx exports.
A python export is code, which a config from elsewhere must not have run."""

_BESIDE = (".data", "_data")
"""What a file is called that holds the weights of an ONNX file beside it."""


def files(source: Path) -> list[Path]:
    """All that a network is made of. UserError where there is none."""
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
        " export, a .safetensors or an .onnx file"
    )


def digests(training: TrainingConfig) -> list[str]:
    """Of each network of a training's teacher; none without one. UserError where one is gone."""
    if training.teacher is None:
        return []
    return [_digest(files(path.expanduser())) for path in training.teacher.paths]


def record(config: Config) -> dict[str, Any] | None:
    """What a run keeps of its teacher; None without one."""
    if config.proxy.teacher is None:
        return None
    return {"format": FORMAT, "digests": digests(config.proxy)}


def hold(run: RunDirectory, config: Config) -> None:
    """UserError where candidates would learn from another teacher than those of before."""
    if config.proxy.teacher is None:
        return
    where = "put it back, or say where it is with --set proxy.teacher.from=PATH"
    try:
        now = digests(config.proxy)
    except UserError as error:
        raise UserError(f"proxy.{error}; {where}") from error
    if load(run) != now:
        named = " ".join(map(str, config.proxy.teacher.paths))
        raise UserError(
            f"proxy.teacher.from: {named}: not the network that the run began with, by the digest"
            f" in {run.teacher_file.name}; {where}"
        )


def load(run: RunDirectory) -> list[str]:
    """The digests of what the run began with. UserError for a damaged record."""
    values = read_json(run.teacher_file)
    found = values.get("digests")
    if values.get("format") != FORMAT or not isinstance(found, list):
        raise UserError(f"{run.teacher_file}: missing or damaged; put it back")
    return found


def _digest(found: list[Path]) -> str:
    """Of one file its SHA-256, of several that of theirs."""
    try:
        each = [digest(path) for path in found]
    except OSError as error:
        raise UserError(f"teacher.from: {error.filename}: {error.strerror}") from error
    return each[0] if len(each) == 1 else hashlib.sha256(" ".join(each).encode()).hexdigest()
