"""Finds the network in what ``nas predict`` is given, and its colours."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file

from proxy_tasks.checkpoint import Weights
from proxy_tasks.datasets import camvid, cityscapes, scenes, voc
from proxy_tasks.datasets.base import Colour, distinct_palette
from proxy_tasks.networks import DeepLabV3, build_segmenter
from proxy_tasks.prediction import Predictor
from search_space.architecture_file import from_dict
from search_space.errors import UserError
from search_space.scales import Scale


def open_predictor(source: Path, size: tuple[int, int] | None = None) -> Predictor:
    """Of a weights file of ours, or the folder of a promotion or of a python or huggingface export.

    Args:
        size: (height, width) at which the network sees images; None: as it was trained.

    Raises:
        UserError: where there is no such network, or it is damaged.
    """
    if not source.is_dir():
        found = _of_weights(source)
    elif (source / "best.safetensors").is_file():
        found = _of_weights(source / "best.safetensors")
    elif (source / "config.json").is_file():
        found = _of_config(source)
    elif (source / "network.py").is_file():
        found = _of_module(source)
    else:
        raise UserError(
            f"{source}: holds no network: give a best.safetensors, or the folder of"
            " `nas export --format python` or `huggingface`"
        )
    return found if size is None else replace(found, size=size)


def palette(classes: tuple[str, ...]) -> tuple[Colour, ...]:
    """The data set's own colours where the classes tell which it is."""
    known = {each.CLASSES: each.PALETTE for each in (camvid, cityscapes, scenes, voc)}
    return known.get(classes) or distinct_palette(len(classes))


def _of_weights(path: Path) -> Predictor:
    if not path.is_file():
        raise UserError(f"{path}: no such file: give a best.safetensors or an export's folder")
    weights = Weights.open(path)
    return Predictor(weights.network(), weights.classes, weights.size)


def _of_config(folder: Path) -> Predictor:
    """Built by our own code: nothing in the folder is run."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        trained = config["trained"]
        labels, size = config["id2label"], tuple(config["image_size"])
        classes = tuple(labels[str(index)] for index in range(len(labels)))
        scale = Scale(**config["scale"])
        network = build_segmenter(from_dict(config["backbone"]), scale, len(classes), size)
        network.load_state_dict(load_file(folder / "model.safetensors"))
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise _damaged(folder, "huggingface", error) from error
    if not trained:
        raise _untrained(folder)
    return Predictor(network.eval(), classes, size)


def _of_module(folder: Path) -> Predictor:
    if not (folder / "weights.pt").is_file():
        raise _untrained(folder)
    try:
        module = _imported(folder / "network.py")
        network: DeepLabV3 = module.load(folder / "weights.pt")
        return Predictor(network, module.CLASSES, module.SIZE)
    except Exception as error:  # whatever code that is not ours any more may raise
        raise _damaged(folder, "python", error) from error


def _untrained(folder: Path) -> UserError:
    return UserError(
        f"{folder}: exported without trained weights, it would label by chance:"
        " `nas promote` the trial and export it anew"
    )


def _damaged(folder: Path, kind: str, error: Exception) -> UserError:
    reason = (str(error).splitlines() or [type(error).__name__])[0]  # torch says more than a line
    return UserError(f"{folder}: no {kind} export of ours, or damaged ({reason}): export it anew")


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("exported_network", path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
