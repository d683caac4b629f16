"""``nas predict``: label maps and overlays of images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from rich.console import Console

from nas.failures import RunFailed
from nas.prediction.overlay import label_map, overlay, visible
from nas.prediction.predictors import Predictor, open_predictor
from nas.prediction.viewing import Asked, sight_of
from nas.terminal.console import complain
from proxy_tasks.datasets.images import read_image, read_size
from proxy_tasks.datasets.large import LABELLING, check_fits
from proxy_tasks.datasets.listing import IMAGE_SUFFIXES, files
from proxy_tasks.labelling import Labeller
from proxy_tasks.proxy import find_device
from search_space.errors import UserError
from search_space.files import replacing
from search_space.printable import brief


def predict(
    weights: Path, sources: Sequence[Path], folder: Path, asked: Asked, console: Console
) -> None:
    """Write ``NAME-labels.png`` and ``NAME-overlay.png`` for every image.

    Raises:
        UserError: for weights that are none, an empty folder, two images of one name, options that
            are none, or a folder to write to that is a file or one of the sources.
        RunFailed: at the end, where images could not be read; the others are done.
    """
    views, sight = asked.views(), asked.sight()
    images = _images(sources)
    _check_folder(folder, sources)
    predictor = open_predictor(weights)
    labeller = predictor.labeller(
        views, sight=sight_of(sight, views, predictor.sight), device=find_device("auto")
    )
    work = _Work(predictor, labeller, folder)
    _make(folder)
    bad = []
    with console.status("labelling") as status:
        for number, (name, path) in enumerate(images.items(), 1):
            count = f"{number} of {len(images)}"
            status.update(f"labelling {count}")
            try:
                line = f"{count}  wrote {', '.join(map(str, work.done(name, path)))}"
                console.print(line, markup=False, highlight=False, soft_wrap=True)
            except UserError as error:
                bad.append(str(error))
    if bad:
        for line in bad:
            complain(brief(line))
        raise RunFailed(f"{len(bad)} of {len(images)} images could not be labelled")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made: {error.strerror}") from error


def _check_folder(folder: Path, sources: Sequence[Path]) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; name a folder to write to")
    if folder.resolve() in {source.resolve() for source in sources}:
        raise UserError(
            f"{folder}: holds the images; name another folder, or label maps and images would mix"
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


@dataclass(frozen=True)
class _Work:
    predictor: Predictor
    labeller: Labeller
    folder: Path

    def done(self, name: str, path: Path) -> list[Path]:
        """The files that were written of an image. UserError."""
        check_fits(path, read_size(path), LABELLING)
        image = read_image(path)
        try:
            labels = self.labeller.predict(image)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
        classes, colours = self.predictor.classes, self.predictor.palette
        pictures = {
            "labels": label_map(labels, colours),
            "overlay": overlay(visible(image), labels, classes, colours),
        }
        return [_save(picture, self.folder / name, kind) for kind, picture in pictures.items()]


def _save(picture: Image.Image, base: Path, kind: str) -> Path:
    path = base.with_name(f"{base.name}-{kind}.png")
    try:
        with replacing(path) as draft:
            picture.save(draft, "png")
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error
    return path
