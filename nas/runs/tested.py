"""The test part: scores of full trainings on images that were not used to choose anything.

Each is scored on it once, when it has ended (nas.commands.promote), into ``evaluation.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from nas.config import PromotionConfig
from nas.runs import evaluations
from nas.runs.directory import around
from nas.runs.evaluations import Evaluation
from nas.runs.promotion_records import Promotion
from proxy_tasks.datasets.base import Split
from proxy_tasks.sight import Sight
from proxy_tasks.views import Views
from results.paired import ImageCounts
from search_space.errors import UserError

SPLIT: Split = "test"


def evaluation(promotion: Promotion, split: Split = SPLIT) -> Evaluation | None:
    """Of its weights on a part of the run's data, as the network sees images, without flips and
    further scales; None where there is none. Raises UserError where the record is damaged."""
    if promotion.weights is None:
        return None
    known = evaluations.load_all(promotion.weights.parent)
    own = (each for each in known if each.weights == promotion.digest)
    return next((each for each in own if _plain(each, promotion, split)), None)


def by_image(promotion: Promotion, split: Split) -> tuple[Evaluation, ImageCounts] | None:
    """That evaluation and what it found in each image; None where one of them is not there."""
    known = evaluation(promotion, split)
    if known is None or promotion.weights is None:
        return None
    counts = evaluations.counts(promotion.weights.parent, known)
    return None if counts is None else (known, counts)


def evaluations_of(promotions: Iterable[Promotion]) -> dict[str, Evaluation]:
    """By name, of those that were scored on the test part."""
    found = {each.name: evaluation(each) for each in promotions}
    return {name: each for name, each in found.items() if each is not None}


def _plain(each: Evaluation, promotion: Promotion, split: Split) -> bool:
    """Whether it is of the run's own part, and not of another data set's that somebody was
    curious about."""
    same = not promotion.classes or set(each.scores.classes) == set(promotion.classes)
    if not (each.data.split == split and each.views == Views() and same):
        return False
    return _looks_own(each, promotion) if each.own is None else each.own


def _looks_own(each: Evaluation, promotion: Promotion) -> bool:
    """Of a record that does not say: by the name and the folder of the data, and by how large
    images were seen."""
    return _looks_like_the_runs(each, promotion) and _seen_as_trained(each.sight, promotion)


def _looks_like_the_runs(each: Evaluation, promotion: Promotion) -> bool:
    """True where no run is around, as of those that are published."""
    assert promotion.weights is not None  # it was evaluated
    if (run := around(promotion.weights)) is None:
        return True
    try:
        data = run.config().data
    except UserError:
        return True
    return (each.data.name, each.data.root) == (data.name, data.root and str(data.root))


def _seen_as_trained(sight: Sight, promotion: Promotion) -> bool:
    """True where the settings are of a release that cannot be read."""
    try:
        settings = PromotionConfig.model_validate(promotion.settings)
    except ValidationError:
        return True
    return sight in (settings.sight, Sight(stretch=settings.size))
