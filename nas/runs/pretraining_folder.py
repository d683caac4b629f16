"""The folder of a pretraining: what it was begun with, and what it ends with.

    architecture.yaml     the network; at the end with where its weights come from
    settings.json         all settings, its length, and the digests of images, teacher and weights
    environment.json      versions, devices, commit
    checkpoint.pt         what it goes on from
    history.csv           a line an epoch
    log.jsonl             what happened
    weights.safetensors   at the end: the backbone's averaged weights, for ``promotion.weights``
    SHA256SUMS            their digest
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.config.pretraining import MOVABLE, PretrainingConfig
from nas.runs.directory import environment
from nas.runs.inside import check_readable, check_writable
from nas.runs.promotion_records import read_json
from proxy_tasks.checkpoint import Checkpoint, Weights
from proxy_tasks.task import Measurement
from results.export import sums
from search_space import architecture_file
from search_space.architecture_file import LoadedSpec
from search_space.canonical import canonical_key
from search_space.encoders import ENCODERS
from search_space.errors import UserError
from search_space.files import named_sha256, sha256

FORMAT = "pretraining/1"
GROUP = "pretraining"
"""Of the provenance: what the weights come from."""
_AVERAGE, _BACKBONE = "module.", "module.backbone."


@dataclass(frozen=True)
class Begun:
    """What a pretraining was begun with. ``digests``: of images, teacher, weights to start from."""

    settings: Mapping[str, Any]
    epochs: int
    images: int | None
    digests: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "epochs": self.epochs,
            "images": self.images,
            "digests": dict(self.digests),
            "settings": dict(self.settings),
        }


@dataclass(frozen=True)
class PretrainingFolder:
    path: Path

    @property
    def weights(self) -> Path:
        return self.path / "weights.safetensors"

    @property
    def architecture(self) -> Path:
        return self.path / "architecture.yaml"

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.path)

    @classmethod
    def free(cls, path: Path) -> PretrainingFolder:
        """One that is yet to be made. UserError where something is there."""
        if path.exists() or path.is_symlink():
            raise UserError(f"{path}: exists already; give --resume to continue it, or another -o")
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> PretrainingFolder:
        """An existing one. UserError where there is none, or it is damaged."""
        if not (path / "settings.json").is_file():
            raise UserError(f"{path}: no pretraining is here to resume; leave --resume out")
        check_readable(path)
        check_writable(path)
        found = cls(path)
        found.checkpoint.check()
        return found

    def create(self, begun: Begun, spec: LoadedSpec) -> None:
        """It appears whole, or not at all. UserError where it cannot be made."""
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            draft.mkdir(parents=True)
            architecture_file.save(draft / self.architecture.name, spec.backbone, spec.provenance)
            for name, values in (
                ("settings.json", begun.as_dict()),
                ("environment.json", environment()),
            ):
                (draft / name).write_text(json.dumps(values, indent=2) + "\n", "utf-8")
            draft.rename(self.path)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise UserError(f"{self.path}: cannot be made ({error.strerror})") from error

    def begun(self) -> Begun:
        """UserError for a damaged record."""
        file = self.path / "settings.json"
        values = read_json(file)
        try:
            if values["format"] != FORMAT:
                raise ValueError(f"format {values['format']!r}")
            kept = Begun(
                dict(values["settings"]),
                int(values["epochs"]),
                values["images"],
                dict(values["digests"]),
            )
        except (LookupError, TypeError, ValueError) as error:
            raise UserError(f"{file}: damaged record ({error})") from error
        return kept

    def spec(self) -> LoadedSpec:
        """The network. UserError for a damaged file."""
        return architecture_file.load_spec(self.architecture)

    def finish(self, kept: Weights, provenance: Mapping[str, Any]) -> dict[str, Any]:
        """Write the averaged weights of the backbone, as ``kept`` describes them, and beside them
        the network with where they come from. What they came to is returned. Once more, it writes
        the same."""
        state, history = self._ended()
        tensors = {
            name.removeprefix(_AVERAGE): value
            for name, value in state["average"].items()
            if name.startswith(_BACKBONE)
        }
        kept.save(tensors)
        sums.write(self.weights)
        last = history[-1]
        scores = {"train_loss": last.train_loss, "loss": last.loss, **last.figures}
        own = {**provenance.get(GROUP, {}), "epochs": last.epochs, **scores}
        told = {**provenance, GROUP: own, "weights_sha256": sha256(self.weights)}
        architecture_file.save(self.architecture, kept.backbone, told)
        return scores

    def _ended(self) -> tuple[dict[str, Any], list[Measurement]]:
        known = self.checkpoint.load()
        assert known is not None, "a pretraining that ended without a checkpoint"
        return known


def check_same(
    folder: PretrainingFolder, config: PretrainingConfig, spec: LoadedSpec, digests: Mapping[str, str]
) -> Begun:
    """What a pretraining goes on with. UserError where it would be another's."""
    begun = folder.begun()
    now = settings_of(config)
    wanted = {**now, **{key: begun.settings.get(key) for key in MOVABLE}}
    known = dict(begun.settings)
    changed = sorted(k for k in known | wanted if known.get(k) != wanted.get(k))
    changed += sorted(k for k in {*begun.digests, *digests} if begun.digests.get(k) != digests.get(k))
    if canonical_key(spec.backbone) != canonical_key(folder.spec().backbone):
        changed.insert(0, "network")
    if changed:
        raise UserError(
            f"{folder.path}: was started with other settings ({', '.join(changed)}); give the same"
            " ones, or leave them out"
        )
    return begun


def settings_of(config: PretrainingConfig) -> dict[str, Any]:
    """In JSON types, files and folders where they are from wherever a command is given."""
    values = config.model_dump(mode="json")
    for key in ("data", "val", "teacher_weights", "weights", "encoder_weights"):
        if values[key] is not None:
            values[key] = str(Path(values[key]).expanduser().absolute())
    if values["teacher"] and values["teacher"] not in ENCODERS:
        values["teacher"] = str(Path(values["teacher"]).expanduser().absolute())
    return values


def digests_of(config: PretrainingConfig, images: str, teacher: Path | None) -> dict[str, str]:
    """Of all that the weights depend on and that lies in files. UserError for one that is gone."""
    found = {"images": images}
    files = {"teacher": teacher, "weights": config.weights, "encoder_weights": config.encoder_weights}
    return found | {key: named_sha256(key, path) for key, path in files.items() if path is not None}
