"""What a network is built for when no run says it: the scale, the image size and the classes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from search_space import scales
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.resnet import DilatedResNet
from search_space.scales import CLASSIFIER, Scale

OPTIONS = ("scale", "size", "classes")
DEFAULT_SCALE = "S49"
SEGMENTED_SIZE, SEGMENTED_CLASSES = (512, 1024), 19
"""Half of a Cityscapes image, and the classes that Cityscapes evaluates."""
CLASSIFIED_SIZE, CLASSIFIED_CLASSES = (224, 224), 1000
"""ImageNet's, which the classifier scales were published for."""
_LARGEST_SIDE = 99_999


@dataclass(frozen=True)
class Target:
    """``size`` is the image's (height, width) in pixels; ``given`` names the options given."""

    scale_name: str
    scale: Scale
    size: tuple[int, int]
    classes: int
    given: tuple[str, ...] = ()

    @property
    def assumed(self) -> tuple[str, ...]:
        """The options that were not given."""
        return tuple(option for option in OPTIONS if option not in self.given)

    def check(self, name: str, backbone: Backbone, auxiliary: bool = False) -> None:
        """Raises UserError where this backbone cannot be built so."""
        is_resnet = isinstance(backbone, DilatedResNet)
        if is_resnet and self.scale.head == CLASSIFIER:
            raise UserError(
                f"--scale {self.scale_name}: is a classifier's, and {name} is a DeepLab baseline:"
                f" write one of {', '.join(_segmenting())}"
            )
        if auxiliary and not is_resnet:
            raise UserError(
                f"--auxiliary: {name} is a searched backbone; only a ResNet takes an auxiliary head"
            )


def target(scale: str | None = None, size: str | None = None, classes: int | None = None) -> Target:
    """What the options say; where they are None, S49 and what is usual at the scale.

    That is 224x224 pixels and 1000 classes for a classifier, else 512x1024 and 19.

    Raises:
        UserError: for an unknown scale, a size that is none, or fewer than one class.
    """
    name = DEFAULT_SCALE if scale is None else scale
    built = _named(name)
    classifies = built.head == CLASSIFIER
    usual_size = CLASSIFIED_SIZE if classifies else SEGMENTED_SIZE
    usual_classes = CLASSIFIED_CLASSES if classifies else SEGMENTED_CLASSES
    if classes is not None and classes < 1:
        raise UserError(f"--classes {classes}: must be at least 1")
    values = dict(zip(OPTIONS, (scale, size, classes), strict=True))
    return Target(
        name,
        built,
        usual_size if size is None else parse_size(size),
        usual_classes if classes is None else classes,
        tuple(option for option, value in values.items() if value is not None),
    )


def parse_size(text: str) -> tuple[int, int]:
    """(height, width) of ``224`` or ``512x1024``. Raises UserError."""
    found = re.fullmatch(r"([0-9]{1,5})(?:[xX×]([0-9]{1,5}))?", text.strip())
    if not found:
        raise UserError(
            f"--size {text}: write pixels, as in 224 or 512x1024 (height x width),"
            f" at most {_LARGEST_SIDE} a side"
        )
    size = int(found[1]), int(found[2] or found[1])
    if min(size) < 1:
        raise UserError(f"--size {text}: an image has at least 1 pixel a side")
    return size


def _named(name: str) -> Scale:
    try:
        return scales.named(name)
    except UserError as error:
        raise UserError(f"--scale: {error}") from None


def _segmenting() -> list[str]:
    return [name for name, scale in scales.SCALES.items() if scale.head != CLASSIFIER]
