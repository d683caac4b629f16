"""How images are seen: resolution, crops, head and augmentation. The images alone decide them."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from nas.planning.decision import Decision
from proxy_tasks.datasets.base import Split
from proxy_tasks.datasets.traits import Fingerprint, Place
from search_space.heads import HEADS
from search_space.scales import DEEPLABV3, DEEPLABV3_PLUS

SURVIVES = 8
"""Pixels that the thinnest class's structures should measure across at the working resolution:
two cells of the finest map that a head reads, of stride 4."""
CONTEXT = 384
"""Pixels that the short side of a usual image keeps at least: coarser, its borders blur."""
COARSEST = 256
"""Pixels that the short side keeps even where time is short."""
FEW_IMAGES = 5
"""A class that fewer training images show does not decide how all are seen."""
FACTORS = (2.0, 1.5, 1.0, 0.75, 0.625, 0.5, 0.375, 0.3125, 0.25, 0.1875, 0.125, 0.0625)
NEAR = 0.93
"""A factor of at least this share of the wanted one will do."""
LARGEST_CROP = {"cpu": 320, "cuda": 512}
"""Side of a crop in pixels."""
STEP = 32
"""Sides of crops are multiples of it, the stride of the coarsest output level."""
COARSE, FINE = DEEPLABV3, DEEPLABV3_PLUS
"""The heads that a plan chooses from: the worth of others has not been measured yet."""
COARSE_STRIDE, FINE_STRIDE = (HEADS[head].stride(finest=3) for head in (COARSE, FINE))
"""Strides of the maps that they label, on the backbones of the default space."""
SPREAD = 1.25
"""Sizes differ where the largest short side is at least this many times the smallest."""


@dataclass(frozen=True)
class Seeing:
    """``factor``: of a usual image's own pixels; ``short_side`` where all are brought to one;
    ``crop``: its side; ``thinnest``: (class, pixels across at the working resolution), None:
    unknown."""

    factor: float
    short_side: int | None
    crop: int
    thinnest: tuple[str, float] | None
    decisions: tuple[Decision, ...]

    def pixels(self, found: Fingerprint, part: Split = "train") -> int:
        """Of all images of a part, at the working resolution."""
        total = 0.0
        for (height, width), images in found.parts[part].sizes.items():
            factor = self.short_side / min(height, width) if self.short_side else self.factor
            total += images * height * width * factor**2
        return round(total)


def seeing(found: Fingerprint, device: str, coarser: int = 0, into: str = "the hours") -> Seeing:
    """``device``: cpu or cuda; ``coarser``: this many steps coarser than the images ask for, where
    finer ones do not fit ``into`` what there is."""
    usual, native = median(found.parts["train"].short_sides), _thinnest(found)
    steps = factors(found)
    factor = steps[min(coarser, len(steps) - 1)]
    short_side = round(factor * usual) if _cameras(found) else None
    crop = _crop(factor * usual, device)
    thinnest = (native[0], factor * native[1]) if native else None
    decisions = (
        _resolution(found, factor, short_side, usual, native, into if factor < steps[0] else ""),
        _cropped(crop, factor * usual, device),
        _head(thinnest),
        _augmentation(found),
    )
    return Seeing(factor, short_side, crop, thinnest, decisions)


def factors(found: Fingerprint) -> tuple[float, ...]:
    """The factors that may be used: first the one that the images ask for, then coarser ones. An
    image is enlarged only for structures that are thinner than a cell."""
    usual = median(found.parts["train"].short_sides)
    native = _thinnest(found)
    wanted = CONTEXT / usual
    if native:
        wanted = max(min(1.0, wanted), SURVIVES / native[1])
    most = FACTORS[0] if native and native[1] < SURVIVES / 2 else 1.0
    first = min(each for each in FACTORS if each >= NEAR * min(most, wanted))
    least = min(first, COARSEST / usual)
    return tuple(each for each in FACTORS if least <= each <= first)


def _thinnest(found: Fingerprint) -> tuple[str, float] | None:
    """Class and pixels across, among the classes that were measured in enough images."""
    pairs = zip(found.classes, found.thickness, strict=True)
    few = min(FEW_IMAGES, found.parts["train"].read)
    known = [(n, each.lower) for n, each in pairs if each.lower is not None and each.images >= few]
    return min(known, key=lambda pair: pair[1], default=None)


def _cameras(found: Fingerprint) -> bool:
    """Whether structures grow with the image by more than the measurement's error."""
    sides = found.parts["train"].short_sides
    return sides[-1] / sides[0] >= SPREAD and found.growth is not None and bool(found.growth.grows)


def _resolution(
    found: Fingerprint,
    factor: float,
    short_side: int | None,
    usual: float,
    thinnest: tuple[str, float] | None,
    too_fine_for: str,
) -> Decision:
    keeps = f"a usual image keeps {factor * usual:.0f} pixels on its short side"
    why = f"{keeps} of {usual:.0f}"
    if thinnest:
        name, across = thinnest
        why = (
            f"{name} is the thinnest class, {across:.1f} pixels across, and"
            f" {factor * across:.1f} at this resolution (two cells of stride 4 are {SURVIVES})"
        )
        if not too_fine_for and factor * usual <= 1.3 * CONTEXT and factor < 1:
            why += f"; {keeps}"
    if too_fine_for:
        why += f"; a finer one does not fit into {too_fine_for}"
    sides = found.parts["train"].short_sides
    if short_side is not None:
        assert found.growth is not None
        why += (
            f"; structures grow with the images (slope {found.growth.slope:.1f} ± "
            f"{found.growth.error:.1f}), so cameras differ: all images get one short side"
        )
        shown = f"short side {short_side} pixels"
        value: dict[str, float] = {"short_side": short_side}
    else:
        shown, value = f"{_share(factor)} an image's own width and height", {"factor": factor}
        if sides[-1] / sides[0] >= SPREAD:
            why += "; sizes differ, but nothing shows that cameras do: all images get one factor"
    keys = {f"{section}.resolution": value for section in ("proxy", "promotion")}
    return Decision("resolution", shown, why, keys)


def _share(factor: float) -> str:
    """What stands before "an image's own width and height"."""
    more = f"{factor:g} times" if factor > 1 else f"{factor:g} of"
    return {1.0: "at", 2.0: "twice"}.get(factor, more)


def _crop(side: float, device: str) -> int:
    """The largest multiple of STEP that fits into a usual image, at least one."""
    return max(1, int(min(side, LARGEST_CROP[device]) // STEP)) * STEP


def _cropped(crop: int, side: float, device: str) -> Decision:
    why = f"a usual image is {side:.0f} pixels wide or high at this resolution"
    if crop == LARGEST_CROP[device]:
        why += f"; plans use no larger crops on {'a CPU' if device == 'cpu' else 'a GPU'}"
    keys = {f"{section}.size": [crop, crop] for section in ("proxy", "promotion")}
    return Decision("crop", f"{crop}x{crop}", why, keys)


def _head(thinnest: tuple[str, float] | None) -> Decision:
    fine = thinnest is not None and thinnest[1] < 2 * COARSE_STRIDE
    head = FINE if fine else COARSE
    why = f"no structure is thinner than two cells of a map of stride {COARSE_STRIDE}"
    if fine and thinnest:
        why = (
            f"{thinnest[0]} is {thinnest[1]:.1f} pixels across at this resolution: a map of stride "
            f"{FINE_STRIDE} shows it, one of stride {COARSE_STRIDE} does not"
        )
    keys = {f"{section}.scale.head": head for section in ("proxy", "promotion")}
    return Decision("head", head, why, keys)


def _augmentation(found: Fingerprint) -> Decision:
    """Mirror images where the classes do not tell left from right, or up from down."""
    flip = 0.0 if found.sided else 0.5
    free = not found.upright and not found.sided
    recipe = {"jitter": [0.6, 1.6], "colour": 0.25, "flip": flip}
    if free:
        recipe |= {"upside_down": 0.5, "turn": 0.5}
    shown = {
        (True, True): "zoom, colour, all mirror images and quarter turns",
        (False, True): "zoom, colour, left-right mirror images",
    }.get((free, flip > 0), "zoom and colour, no mirror images")
    why = "no class tends to the top, the bottom or a side: images have no up"
    if found.upright:
        why = f"{_aside(found, found.vertical)} to the top or the bottom: images have an up"
    if found.sided:
        why = f"{_aside(found, found.horizontal)} to one side"
    keys = {
        f"{section}.recipe.{name}": value
        for section in ("proxy", "promotion")
        for name, value in recipe.items()
    }
    return Decision("augmentation", shown, why, keys)


def _aside(found: Fingerprint, places: tuple[Place, ...]) -> str:
    names = [name for name, place in zip(found.classes, places, strict=True) if place.aside]
    if len(names) > 2:
        return f"{', '.join(names[:2])} and {len(names) - 2} more tend"
    return f"{' and '.join(names)} {'tend' if len(names) > 1 else 'tends'}"
