"""A user's own data: a folder of images and a folder of label maps for each split.

ROOT/classes.txt                    one class name a line, in the order of the label values
ROOT/{train,val}/images/NAME.jpg    or .jpeg .png .bmp .tif .tiff .webp
ROOT/{train,val}/labels/NAME.png    one channel (grey or palette), value = class index
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from proxy_tasks.datasets.base import (
    IGNORE,
    SPLITS,
    Colour,
    Pixels,
    Split,
    distinct_palette,
)
from search_space.errors import UserError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
_DEEP_MODES = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
_INDEX_MODES = frozenset({"1", "L", "P"}) | _DEEP_MODES

Pair = tuple[Path, Path]


class Folder:
    """Images and label maps matched by file name. Reads no pixels until asked.

    ``ignore`` lists the label values that mean void. ``classes`` replaces classes.txt. Labels
    without an image are left alone. Raises UserError for a layout that does not hold.
    """

    def __init__(
        self,
        root: Path,
        classes: Sequence[str] | None = None,
        ignore: Sequence[int] = (IGNORE,),
        palette: Sequence[Colour] | None = None,
        name: str = "folder",
    ) -> None:
        self.root = Path(root).expanduser()
        if not self.root.is_dir():
            raise UserError(f"no folder {self.root}: give the folder that holds train/ and val/")
        self.name = name
        self.classes = _checked(classes) if classes is not None else _read_classes(self.root)
        self.ignore = tuple(ignore)
        self.palette = tuple(palette or distinct_palette(len(self.classes)))
        self._pairs = {split: _match(self.root / split) for split in SPLITS}
        self._meaning = self._map_values()

    def count(self, split: Split) -> int:
        return len(self._pairs[split])

    def load(self, split: Split, index: int) -> tuple[Pixels, Pixels]:
        """Raises UserError naming the file that is unreadable or does not fit."""
        image_path, label_path = self._pairs[split][index]
        image, values = read_image(image_path), read_label(label_path)
        if image.shape[:2] != values.shape:
            raise UserError(
                f"{label_path} is {_size(values)} but {image_path.name} is {_size(image)}:"
                " an image and its labels must have the same size"
            )
        return image, self._translate(values, label_path)

    def fingerprint(self, split: Split) -> str:
        """From names, sizes and times of the files, the classes and the ignored values."""
        digest = hashlib.sha256(repr((self.classes, self.ignore)).encode())
        for path in (path for pair in self._pairs[split] for path in pair):
            try:
                stat = path.stat()
            except OSError as error:
                raise UserError(f"{path} cannot be read: {error.strerror}") from error
            digest.update(f"{path.name}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
        return digest.hexdigest()[:16]

    def _map_values(self) -> Pixels:
        """What each value up to 255 stands for."""
        meaning: Pixels = np.full(256, IGNORE, np.uint8)
        meaning[: len(self.classes)] = np.arange(len(self.classes))
        meaning[[value for value in self.ignore if 0 <= value < 256]] = IGNORE
        return meaning

    def _translate(self, values: np.ndarray, path: Path) -> Pixels:
        # Counting is several times cheaper than sorting the pixels for their unique values.
        if values.dtype == np.uint8:
            present = np.flatnonzero(np.bincount(values.ravel(), minlength=256))
        else:
            present = np.unique(values)
        allowed = {*range(len(self.classes)), *self.ignore}
        if wrong := [int(value) for value in present if int(value) not in allowed]:
            raise UserError(
                f"{path} has the label value {wrong[0]}: allowed are 0 to {len(self.classes) - 1}"
                f" and {_listed(self.ignore)} for void; correct the file, the classes or ignore"
            )
        if values.dtype != np.uint8:
            values = np.where(np.isin(values, self.ignore), IGNORE, values).astype(np.uint8)
        return self._meaning[values]


def read_image(path: Path) -> Pixels:
    """(H, W, 3) uint8, turned as its EXIF data say. Raises UserError."""
    image = _open(path)
    if image.mode in _DEEP_MODES:
        raise UserError(f"{path} has more than 8 bits a channel: convert it to 8-bit RGB")
    return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def read_label(path: Path) -> np.ndarray:
    """(H, W) of label values; a palette image gives its indices. Raises UserError."""
    image = _open(path)
    if image.mode not in _INDEX_MODES:
        raise UserError(
            f"{path} is a {image.mode} image: a label map has one channel, value = class index"
        )
    values = np.asarray(image)
    return values.astype(np.uint8) if values.dtype == np.bool_ else values


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            image.load()
            return image
    # Pillow has no common error for broken files: each format's parser raises its own.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or "it is no image or it is damaged"
        raise UserError(f"{path} cannot be read: {reason}; replace or remove it") from error


def _match(folder: Path) -> tuple[Pair, ...]:
    for part in (folder, folder / "images", folder / "labels"):
        if not part.is_dir():
            raise UserError(
                f"no folder {part}: expected train/ and val/, each with images/ labels/"
            )
    images: dict[str, Path] = {}
    for path in sorted((folder / "images").iterdir()):
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("."):
            if other := images.get(path.stem):
                raise UserError(f"{other} and {path.name} share one label map: rename one of them")
            images[path.stem] = path
    if not images:
        raise UserError(f"no images in {folder / 'images'}: put .jpg or .png files there")
    labels = {stem: folder / "labels" / f"{stem}.png" for stem in images}
    if missing := [stem for stem, path in labels.items() if not path.is_file()]:
        raise UserError(
            f"{images[missing[0]]} has no labels (nor have {len(missing) - 1} other images):"
            f" write {labels[missing[0]]} or remove the image"
        )
    return tuple((path, labels[stem]) for stem, path in images.items())


def _read_classes(root: Path) -> tuple[str, ...]:
    path = root / "classes.txt"
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise UserError(
            f"no {path}: write one class name a line, in the order of the label values"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as UTF-8 text: {error}") from error
    return _checked([line.strip() for line in lines if line.strip()], str(path))


def _checked(classes: Sequence[str], source: str = "classes") -> tuple[str, ...]:
    if not 2 <= len(classes) <= IGNORE:
        raise UserError(f"{source}: 2 to {IGNORE} class names are needed, not {len(classes)}")
    if twice := [name for name in classes if classes.count(name) > 1]:
        raise UserError(f"{source}: the class {twice[0]!r} stands twice; names must differ")
    return tuple(classes)


def _size(pixels: np.ndarray) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[0]}"


def _listed(values: Sequence[int]) -> str:
    return " ".join(map(str, values)) or "none"
