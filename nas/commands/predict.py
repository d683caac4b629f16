"""``nas predict``: label maps and overlays of images."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image
from rich.console import Console

from nas.failures import RunFailed
from nas.overlay import label_map, overlay
from nas.predictors import open_predictor, palette
from nas.target import parse_size
from proxy_tasks.datasets.images import read_image
from proxy_tasks.datasets.listing import IMAGE_SUFFIXES, files
from proxy_tasks.prediction import Predictor
from search_space.errors import UserError


def predict(
    weights: Path, sources: Sequence[Path], folder: Path, size: str | None, console: Console
) -> None:
    """Write ``NAME-labels.png`` and ``NAME-overlay.png`` for every image.

    Raises:
        UserError: for weights that are none, an empty folder, two images of one name, or a folder
            to write to that is a file or one of the sources.
        RunFailed: at the end, where images could not be read; the others are done.
    """
    wanted = None if size is None else parse_size(size)
    images = _images(sources)
    _check_folder(folder, sources)
    predictor = open_predictor(weights, wanted)
    folder.mkdir(parents=True, exist_ok=True)
    bad = []
    for name, path in images.items():
        try:
            for written in _predict_one(predictor, path, folder / name):
                console.print(f"wrote {written}", markup=False, highlight=False, soft_wrap=True)
        except UserError as error:
            bad.append(str(error))
    if bad:
        for line in bad:
            print(f"nas: {line}", file=sys.stderr)
        raise RunFailed(f"{len(bad)} of {len(images)} images could not be labelled")


def _check_folder(folder: Path, sources: Sequence[Path]) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; name a folder to write to")
    if folder.resolve() in {source.resolve() for source in sources}:
        raise UserError(
            f"{folder}: holds the images; name another folder, or the next call labels the labels"
        )


def _images(sources: Sequence[Path]) -> dict[str, Path]:
    """Name of the results -> image; what is in folders comes by name."""
    found: dict[str, Path] = {}
    for path in (path for source in sources for path in _of(source)):
        if other := found.get(path.stem):
            raise UserError(f"{other} and {path} share the name {path.stem!r}: rename one of them")
        found[path.stem] = path
    return found


def _of(source: Path) -> Iterator[Path]:
    if not source.is_dir():
        yield source  # a missing one is told of at the end, as a damaged one is
        return
    listed = files(source, IMAGE_SUFFIXES)
    if not listed:
        raise UserError(f"{source}: no images in this folder: put .jpg or .png files there")
    yield from listed


def _predict_one(predictor: Predictor, path: Path, base: Path) -> list[Path]:
    image = read_image(path)
    labels = predictor.labels(image)
    colours = palette(predictor.classes)
    pictures = {
        "labels": label_map(labels, colours),
        "overlay": overlay(image, labels, predictor.classes, colours),
    }
    return [_save(picture, base, kind) for kind, picture in pictures.items()]


def _save(picture: Image.Image, base: Path, kind: str) -> Path:
    path = base.with_name(f"{base.name}-{kind}.png")
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        picture.save(draft, "png")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error
    return path
