"""What a full training keeps: a checkpoint to resume from, its history, its best weights."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from proxy_tasks.datasets.base import Colour
from proxy_tasks.datasets.packed import PackedData
from proxy_tasks.intensities import NATURAL, Intensities, as_trained_on
from proxy_tasks.networks import Segmenter, build_segmenter
from proxy_tasks.room import check_room
from proxy_tasks.sight import Sight
from proxy_tasks.task import Job, Measurement
from search_space.architecture_file import from_dict, to_dict
from search_space.backbone import Backbone, encoder_of
from search_space.errors import UserError
from search_space.fields import check, short
from search_space.files import replacing
from search_space.scales import Scale

_KEY = "spinenet-seg"
"""Of what a weights file's header says of its network."""
_ALONE = "backbone"
"""Its ``part``, where the file holds no more."""

HISTORY_COLUMNS = ("epochs", "seconds", "train_loss", "loss", "miou")


@dataclass(frozen=True)
class Checkpoint:
    """The files of one training in ``folder``; each is replaced in one step, never torn."""

    folder: Path

    @property
    def weights(self) -> Path:
        """Best weights so far, by validation mIoU."""
        return self.folder / "best.safetensors"

    @property
    def state(self) -> Path:
        """What a training goes on from."""
        return self.folder / "checkpoint.pt"

    def load(self) -> tuple[dict[str, Any], list[Measurement]] | None:
        """Training state and history, or None where nothing was kept yet. UserError where they are
        damaged."""
        self.check()
        if not self.state.exists():
            return None
        try:
            kept = torch.load(self.state, weights_only=True, map_location="cpu")
            return kept["training"], [Measurement.from_dict(row) for row in kept["history"]]
        except Exception as error:  # unpickling other bytes may raise anything
            raise self._damaged(str(error).splitlines()[0]) from error

    def check(self) -> None:
        """UserError where the state that was kept is damaged: all of it is read, as torch does not
        look at the sums that it writes."""
        if not self.state.exists():
            return
        try:
            with ZipFile(self.state) as file:
                bad = file.testzip()
        except Exception as error:  # so may a torn list of what is in it
            raise self._damaged(str(error)) from error
        if bad is not None:
            raise self._damaged(f"{bad} is not what was written")

    def _damaged(self, why: str) -> UserError:
        return UserError(f"{self.state}: damaged ({why}); remove it, and the training begins anew")

    def save(
        self,
        training: dict[str, Any],
        history: list[Measurement],
        columns: Sequence[str] = HISTORY_COLUMNS,
    ) -> None:
        """Keep the state after an epoch, and ``history.csv`` for people, with these ``columns``:
        fields of a measurement, and figures."""
        self.folder.mkdir(parents=True, exist_ok=True)
        rows = [measurement.to_dict() for measurement in history]
        kept = {"training": training, "history": rows}
        # By way of memory: torch and safetensors do not say that a disk is full, the system does.
        buffer = io.BytesIO()
        torch.save(kept, buffer)
        _replace(self.state, buffer.getbuffer())
        _replace(self.folder / "history.csv", _csv(rows, columns).encode())

    def save_weights(
        self,
        network: nn.Module,
        job: Job,
        data: PackedData,
        intensities: Intensities | None = None,
    ) -> None:
        """Weights worth keeping, with all that is needed to use them in the header: what network
        they are of, and how ``data`` showed it images, with these ``intensities`` where they are
        not those that are usual for the backbone."""
        usual = as_trained_on(encoder_of(job.backbone), data.intensities)
        self.folder.mkdir(parents=True, exist_ok=True)
        known = Weights(
            self.weights,
            job.backbone,
            job.fidelity.scale,
            job.fidelity.size,
            data.classes,
            data.sight,
            intensities or usual,
            data.palette,
        )
        known.save(network.state_dict())


@dataclass(frozen=True)
class Weights:
    """What a weights file says of its network. ``size`` is the (height, width) of the crops that it
    was trained on, ``sight`` how large it sees an image; ``palette`` is empty where nothing was
    said of colours. ``alone``: the file holds a pretrained backbone and no head; the classes are
    then those of whole images, none where there were no labels."""

    path: Path
    backbone: Backbone
    scale: Scale
    size: tuple[int, int]
    classes: tuple[str, ...]
    sight: Sight
    intensities: Intensities = NATURAL
    palette: tuple[Colour, ...] = ()
    alone: bool = False

    def save(self, state: Mapping[str, Tensor]) -> None:
        """Write tensors with this description, in one step."""
        description = {
            "backbone": to_dict(self.backbone),
            "scale": asdict(self.scale),
            "size": list(self.size),
            "classes": list(self.classes),
            "palette": [list(colour) for colour in self.palette],
            "sight": asdict(self.sight),
            "intensities": asdict(self.intensities),
        }
        if self.alone:
            description["part"] = _ALONE
        tensors = {name: value.contiguous() for name, value in state.items()}
        _replace(self.path, save(tensors, {_KEY: json.dumps(description)}))

    @classmethod
    def open(cls, path: Path) -> Weights:
        """Read the header. UserError when the file is missing, damaged or not ours."""
        try:
            with safe_open(path, framework="pt") as file:
                description = json.loads((file.metadata() or {})[_KEY])
        except KeyError as error:
            raise UserError(
                f"{path}: not a weights file of this project: it does not say what network it is"
                " for; give a promotion's best.safetensors"
            ) from error
        except (OSError, ValueError) as error:
            raise UserError(f"{path}: not a weights file of this project ({error})") from error
        except Exception as error:  # safetensors raises a bare Exception subclass of its own
            raise UserError(f"{path}: damaged, or no weights file ({error})") from error
        try:
            return cls._described(path, description)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise UserError(
                f"{path}: damaged, or of another program: what it says of its network is none"
                f" ({error})"
            ) from error

    @classmethod
    def _described(cls, path: Path, description: Mapping[str, Any]) -> Weights:
        size = size_of(description["size"])
        alone = description.get("part") == _ALONE
        return cls(
            path=path,
            backbone=from_dict(description["backbone"]),
            scale=scale_of(description["scale"]),
            size=size,
            classes=_classes_of(description["classes"], alone),
            sight=sight_of(description.get("sight"), size),
            intensities=intensities_of(description.get("intensities")),
            palette=tuple((r, g, b) for r, g, b in description.get("palette", ())),
            alone=alone,
        )

    def network(self) -> Segmenter:
        """The network with these weights, in eval mode. UserError when they do not fit it, or are
        of a backbone alone."""
        if self.alone:
            raise UserError(
                f"{self.path}: holds a pretrained backbone, which labels nothing by itself: train"
                f" on from it with --set promotion.weights={self.path}"
            )
        check_room(self.backbone, self.scale, len(self.classes), self.size)
        network = build_segmenter(self.backbone, self.scale, len(self.classes), self.size)
        try:
            with safe_open(self.path, framework="pt") as file:
                network.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
        except (RuntimeError, SafetensorError) as error:
            raise UserError(
                f"{self.path}: the weights do not fit the network they name: another version of"
                " this software trained them; promote the trial again"
            ) from error
        return network.eval()


def size_of(values: Sequence[Any]) -> tuple[int, int]:
    """(height, width) of what a file keeps. ValueError or TypeError for anything else."""
    height, width = values
    if not (type(height) is int and type(width) is int and min(height, width) > 0):
        raise ValueError(f"size {short(values)}")
    return height, width


def classes_of(values: Sequence[Any]) -> tuple[str, ...]:
    """Of what a file keeps. ValueError for anything but names."""
    if not (isinstance(values, list) and values and all(isinstance(name, str) for name in values)):
        raise ValueError(f"classes {short(values)}")
    return tuple(values)


def _classes_of(values: Sequence[Any], alone: bool) -> tuple[str, ...]:
    """A backbone alone may know none."""
    return () if alone and values == [] else classes_of(values)


def scale_of(values: Mapping[str, Any]) -> Scale:
    """Of what a file keeps; what later releases added has its default. UserError or TypeError for
    anything else."""
    kinds = {each.name: type(each.default) for each in dataclass_fields(Scale)}
    return Scale(**check(values, "scale: ", {}, kinds))


def sight_of(values: Mapping[str, Any] | None, size: tuple[int, int]) -> Sight:
    """From what a file keeps; where it keeps nothing, images were stretched to ``size``."""
    return Sight(stretch=size) if values is None else Sight.from_dict(values)


def intensities_of(values: Mapping[str, Any] | None) -> Intensities:
    """From what a file keeps; where it keeps nothing, those of photographs."""
    return NATURAL if values is None else Intensities.from_dict(values)


def _replace(path: Path, data: bytes | memoryview) -> None:
    with replacing(path, alone=True) as draft:
        draft.write_bytes(data)


def _csv(rows: list[dict[str, Any]], columns: Sequence[str]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(row | row.get("figures", {}) for row in rows)
    return text.getvalue()
