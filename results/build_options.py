"""What a network is built for when no run says it: the scale, the image size and the classes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from search_space import scales
from search_space.backbone import Backbone, head_of
from search_space.errors import UserError
from search_space.heads import HEADS
from search_space.resnet import DilatedResNet
from search_space.scales import Scale

OPTIONS = ("scale", "size", "classes")
DEFAULT_SCALE = "S49"
SEGMENTED_SIZE, SEGMENTED_CLASSES = (512, 1024), 19
"""Half of a Cityscapes image, and the classes that Cityscapes evaluates."""
CLASSIFIED_SIZE, CLASSIFIED_CLASSES = (224, 224), 1000
"""ImageNet's, which the classifier scales were published for."""
_LARGEST_SIDE = 99_999
_MOST_CLASSES = 100_000


@dataclass(frozen=True)
class BuildOptions:
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

    def fitted(self, name: str, backbone: Backbone, auxiliary: bool = False) -> BuildOptions:
        """With what is usual for the head of this backbone where an option was not given: a
        baseline labels pixels at a classifier's scale too.

        Raises:
            UserError: for an auxiliary head on anything but a ResNet.
        """
        if auxiliary and not isinstance(backbone, DilatedResNet):
            raise UserError(
                f"--auxiliary: {name} is a searched backbone; only a ResNet takes an auxiliary head"
            )
        size, classes = _usual(head_of(backbone, self.scale))
        return replace(
            self,
            size=self.size if "size" in self.given else size,
            classes=self.classes if "classes" in self.given else classes,
        )


def build_options(
    scale: str | None = None, size: str | None = None, classes: int | None = None
) -> BuildOptions:
    """What the options say; where they are None, S49 and what is usual at the scale.

    That is 224x224 pixels and 1000 classes for a classifier, else 512x1024 and 19.

    Raises:
        UserError: for an unknown scale, a size that is none, or fewer than one class.
    """
    name = DEFAULT_SCALE if scale is None else scale
    built = _named(name)
    usual_size, usual_classes = _usual(built.head)
    if classes is not None and classes < 1:
        raise UserError(f"--classes {classes}: must be at least 1")
    if classes is not None and classes > _MOST_CLASSES:
        raise UserError(f"--classes {classes}: must be at most {_MOST_CLASSES}")
    values = dict(zip(OPTIONS, (scale, size, classes), strict=True))
    return BuildOptions(
        name,
        built,
        usual_size if size is None else parse_size(size),
        usual_classes if classes is None else classes,
        tuple(option for option, value in values.items() if value is not None),
    )


def parse_size(text: str, option: str = "--size") -> tuple[int, int]:
    """(height, width) of ``224`` or ``512x1024``. Raises UserError, naming the option."""
    found = re.fullmatch(r"([0-9]{1,5})(?:[xX×]([0-9]{1,5}))?", text.strip())
    if not found:
        raise UserError(
            f"{option} {text}: write pixels, as in 224 or 512x1024 (height x width),"
            f" at most {_LARGEST_SIDE} a side"
        )
    size = int(found[1]), int(found[2] or found[1])
    if min(size) < 1:
        raise UserError(f"{option} {text}: an image has at least 1 pixel a side")
    return size


def _named(name: str) -> Scale:
    try:
        return scales.named(name)
    except UserError as error:
        raise UserError(f"--scale: {error}") from None


def _usual(head: str) -> tuple[tuple[int, int], int]:
    """Image size and classes."""
    if HEADS[head].pixels:
        return SEGMENTED_SIZE, SEGMENTED_CLASSES
    return CLASSIFIED_SIZE, CLASSIFIED_CLASSES
