"""What evaluations of a network's weights found: ``evaluation.yaml`` beside them. What they found
in each image is in ``evaluation-DIGEST.counts``, which may be removed: plain numbers, int64, little
end first, of the shape that the evaluation says.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from math import isfinite, prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.runs.inside import check_place
from nas.runs.promotion_records import replace_text
from proxy_tasks.scores import ClassScores, Scores
from proxy_tasks.sight import OWN, Sight
from proxy_tasks.views import Views
from results.paired import ImageCounts
from search_space import strict_yaml
from search_space.errors import UserError
from search_space.fields import short
from search_space.files import replacing

FORMAT = "spinenet-seg-evaluation/2"
_WITHOUT_OWN = "spinenet-seg-evaluation/1"
FILE = "evaluation.yaml"


@dataclass(frozen=True)
class Evaluated:
    """What was measured on. ``unknown`` classes of the data set the network does not have: it
    never finds them. ``left_out`` are its own that the data set does not have: it may not choose
    them. ``fingerprint`` is the split's."""

    name: str
    root: str | None
    split: str
    images: int
    fingerprint: str
    unknown: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """``weights`` is the SHA-256 of their file; ``sight`` says how large the network saw an image;
    ``tolerance`` is that of the boundary F-score, pixels (None: a share of each image's diagonal);
    ``date`` in UTC, ISO 8601. ``own``: on the data of the run that the network is of, each image
    seen as in its training; None in records of format 1, which do not say."""

    date: str
    weights: str
    data: Evaluated
    sight: Sight
    views: Views
    tolerance: float | None
    scores: Scores
    own: bool | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain types, as YAML and JSON have them."""
        values = asdict(self)
        values["sight"] = self.sight.to_dict()
        values["classes"] = values["scores"].pop("classes")
        plain: dict[str, Any] = _plain(values)
        return plain

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Evaluation:
        """The inverse of to_dict. TypeError, ValueError or KeyError for anything else."""
        _check(values)
        values = dict(values)
        classes = {name: ClassScores(**known) for name, known in values.pop("classes").items()}
        views = _frozen(values["views"])
        size = views.pop("size", None)  # of records from before sights
        sight = OWN if size is None else Sight(stretch=size)
        return cls(
            **values
            | {
                "data": Evaluated(**_frozen(values["data"])),
                "sight": Sight.from_dict(values["sight"]) if "sight" in values else sight,
                "views": Views(**views),
                "scores": Scores(**values["scores"], classes=classes),
            }
        )

    @property
    def counts_name(self) -> str:
        """The file with what was found in each image."""
        known = hashlib.blake2b(repr(self.asked).encode(), digest_size=8).hexdigest()
        return f"evaluation-{known}.counts"

    @property
    def asked(self) -> tuple[Any, ...]:
        """What was measured, and how."""
        return self.weights, self.data, self.sight, self.views, self.tolerance

    def replaces(self, other: Evaluation) -> bool:
        """Whether it says all that an earlier one does. One on a run's own data is not lost to one
        that does not count as such."""
        same = self.own == other.own or (self.own is True and other.own is None)
        return same and self.asked == other.asked


def load_all(folder: Path) -> list[Evaluation]:
    """In the order in which they were made. UserError, naming the file, where it is damaged."""
    path = folder / FILE
    if not path.exists():
        return []
    try:
        values = strict_yaml.parse_record(path.read_text("utf-8"), FILE)
        if values["format"] not in (FORMAT, _WITHOUT_OWN):
            raise ValueError(f"format {values['format']!r}, expected {FORMAT!r}")
        return [Evaluation.from_dict(each) for each in values["evaluations"]]
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: is not a record of evaluations ({error}); remove it") from None


def counts(folder: Path, evaluation: Evaluation) -> ImageCounts | None:
    """What it found in each image; None where that is not there."""
    shape = evaluation.data.images, len(evaluation.scores.classes), 2
    file = folder / evaluation.counts_name
    try:
        if file.is_symlink() or file.stat().st_size != 8 * prod(shape):
            return None
        found = np.fromfile(file, "<i8").reshape(shape)
    except OSError:
        return None
    return ImageCounts(found[..., 0], found[..., 1])


def save(
    folder: Path, evaluation: Evaluation, by_image: NDArray[np.int64] | None = None
) -> Path:
    """Among those of the folder, in the place of an earlier one of the same. ``by_image``: that of
    its ``Tally``, to be kept too.

    Raises:
        UserError: where the record is damaged or cannot be written, or a link leads out of the
            folder.
    """
    check_place(folder)
    kept = [each for each in load_all(folder) if not evaluation.replaces(each)]
    values = {"format": FORMAT, "evaluations": [each.to_dict() for each in (*kept, evaluation)]}
    path = folder / FILE
    try:
        if by_image is not None:
            with replacing(folder / evaluation.counts_name) as draft:
                by_image.astype("<i8").tofile(draft)
        replace_text(path, strict_yaml.render(values, width=100, ascii_only=True))
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from error
    return path


def _check(values: dict[str, Any]) -> None:
    """TypeError for what is no number in the place of one, or no text."""
    scores, classes, views = values["scores"], values["classes"], values["views"]
    numbers = [*scores.values(), values["tolerance"], *views.get("scales", ())]
    numbers += [figure for each in classes.values() for figure in each.values()]
    numbers += [side for name in ("window", "stride") for side in views.get(name) or ()]
    texts = [values["date"], values["weights"], values["data"]["name"], values["data"]["split"]]
    texts += [each for name in ("unknown", "left_out") for each in values["data"].get(name, ())]
    texts += list(classes)
    if not isinstance(values.get("own"), bool | None):
        raise TypeError(f"{short(values['own'])} in the place of true or false")
    for each in numbers:
        if not (each is None or type(each) is int or (type(each) is float and isfinite(each))):
            raise TypeError(f"{short(each)} in the place of a number")
    for each in texts:
        if not isinstance(each, str):
            raise TypeError(f"{short(each)} in the place of a name")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple | list) else value


def _frozen(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
