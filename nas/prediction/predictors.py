"""Finds the network in what ``nas predict`` and ``nas evaluate`` are given."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors.torch import load_file

from nas.runs.promotion_records import check_beside
from proxy_tasks.checkpoint import (
    Weights,
    classes_of,
    intensities_of,
    scale_of,
    sight_of,
    size_of,
)
from proxy_tasks.datasets import camvid, cityscapes, scenes, voc
from proxy_tasks.datasets.base import Colour, distinct_palette
from proxy_tasks.intensities import Intensities
from proxy_tasks.labelling import Array, Labeller
from proxy_tasks.networks import Segmenter, build_segmenter
from proxy_tasks.room import check_room
from proxy_tasks.running import running
from proxy_tasks.sight import Sight
from proxy_tasks.views import Views
from results.export.sums import check
from search_space.architecture_file import from_dict
from search_space.errors import UserError

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Predictor:
    """A trained network and what goes with it. ``network`` is on the CPU and in eval mode."""

    network: Segmenter
    classes: tuple[str, ...]
    sight: Sight
    intensities: Intensities
    palette: tuple[Colour, ...]

    def labeller(
        self,
        views: Views | None = None,
        *,
        sight: Sight | None = None,
        device: torch.device = CPU,
        channels: Sequence[int] | None = None,
    ) -> Labeller:
        """What labels images as the network was trained to see them, or by another ``sight``.

        Args:
            device: that computes; the network is moved there.
            channels: of the network's logits, those to choose from; by default all.
        """
        run = running(self.network.to(device))

        def chosen(x_BCHW: Array) -> Array:
            return run(x_BCHW)[:, list(channels or ())]

        return Labeller(
            run if channels is None else chosen,
            sight or self.sight,
            self.intensities,
            views or Views(),
        )


def open_predictor(source: Path) -> Predictor:
    """Of a weights file of ours, or the folder of a promotion or of a python or huggingface export.

    Raises:
        UserError: where there is no such network, or it is damaged: a promotion's weights by the
            digest in its record, an export's by that in SHA256SUMS.
    """
    if not source.is_dir():
        return _of_weights(source)
    if (source / "best.safetensors").is_file():
        return _of_weights(source / "best.safetensors")
    if (source / "config.json").is_file():
        return _of_config(source)
    if (source / "network.py").is_file():
        return _of_module(source)
    raise UserError(
        f"{source}: holds no network: give a best.safetensors, or the folder of"
        " `nas export --format python` or `huggingface`"
    )


def palette(classes: tuple[str, ...]) -> tuple[Colour, ...]:
    """The data set's own colours where the classes tell which it is."""
    known = {each.CLASSES: each.PALETTE for each in (camvid, cityscapes, scenes, voc)}
    return known.get(classes) or distinct_palette(len(classes))


def _of_weights(path: Path) -> Predictor:
    if not path.is_file():
        raise UserError(f"{path}: no such file: give a best.safetensors or an export's folder")
    check_beside(path)
    known = Weights.open(path)
    colours = known.palette or palette(known.classes)
    return Predictor(known.network(), known.classes, known.sight, known.intensities, colours)


def _of_config(folder: Path) -> Predictor:
    """Built by our own code: nothing in the folder is run."""
    if (weights := folder / "model.safetensors").is_file():
        check(weights)
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        trained = config["trained"]
        labels, size = config["id2label"], size_of(config["image_size"])
        classes = classes_of([labels[str(index)] for index in range(len(labels))])
        scale = scale_of(config["scale"])
        backbone = from_dict(config["backbone"])
        check_room(backbone, scale, len(classes), size)
        network = build_segmenter(backbone, scale, len(classes), size)
        network.load_state_dict(load_file(weights))
        intensities = _intensities(
            config["image_mean"], config["image_std"], config.get("image_top")
        )
        sight = sight_of(config.get("sight"), size)
        colours = _colours(config.get("palette"), classes)
    except Exception as error:  # of JSON, safetensors and torch, and of numbers that are none
        raise _damaged(folder, "huggingface", error) from error
    if not trained:
        raise _untrained(folder)
    return Predictor(network.eval(), classes, sight, intensities, colours)


def _of_module(folder: Path) -> Predictor:
    if not (folder / "weights.pt").is_file():
        raise _untrained(folder)
    check(folder / "weights.pt")
    try:
        module: Any = _imported(folder / "network.py")
        network: Segmenter = module.load(folder / "weights.pt")
        if hasattr(module, "SIGHT"):
            # Instances of the file's own classes, which are copies of ours.
            sight = sight_of(asdict(module.SIGHT), module.SIZE)
            intensities = intensities_of(asdict(module.INTENSITIES))
        else:  # of a release before sights were trained
            sight, intensities = Sight(stretch=module.SIZE), Intensities(module.MEAN, module.STD)
        colours = _colours(getattr(module, "PALETTE", None), module.CLASSES)
        return Predictor(network, module.CLASSES, sight, intensities, colours)
    except Exception as error:  # whatever code that is not ours any more may raise
        raise _damaged(folder, "python", error) from error


def _intensities(mean: Sequence[float], std: Sequence[float], top: int | None) -> Intensities:
    return Intensities(tuple(mean), tuple(std), top or 255)


def _colours(known: Sequence[Sequence[int]] | None, classes: tuple[str, ...]) -> tuple[Colour, ...]:
    """Of an export; of those before palettes were kept, what is usual."""
    return tuple((r, g, b) for r, g, b in known) if known else palette(classes)


def _untrained(folder: Path) -> UserError:
    return UserError(
        f"{folder}: exported without trained weights, it would label by chance:"
        " `nas promote` the trial and export it again"
    )


def _damaged(folder: Path, kind: str, error: Exception) -> UserError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]  # torch says more than a line
    return UserError(
        f"{folder}: not a {kind} export of this platform, or damaged ({reason}): export it again"
    )


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("exported_network", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
