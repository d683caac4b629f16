"""Loss, rare classes, and the images that networks are chosen on."""

from __future__ import annotations

from collections.abc import Mapping

from nas.planning.decision import Decision
from proxy_tasks.datasets import Dataset
from proxy_tasks.datasets.traits import Fingerprint

RARE = 0.5
"""A class is rare if it has less than this part of an equal share of the pixels."""
PLACED = 0.33
"""Share of the crops that are placed on a class drawn first (nnU-Net: a third on foreground)."""
FEW = 100
"""With fewer training images a held-out part tells little: they are validated on in folds."""
FOLDS = 3
SHARE = 0.2
ENOUGH = 200
"""Images that are enough to choose on."""


def learning(found: Fingerprint) -> Decision:
    """Cross-entropy, with soft Dice and placed crops where classes are rare, as in nnU-Net. There
    are no class weights, which would count rare classes a third time."""
    shares = found.parts["train"].shares
    shown = [(share, name) for share, name in zip(shares, found.classes, strict=True) if share]
    least, rarest = min(shown)
    bound = RARE / len(found.classes)
    if least >= bound:
        why = f"{rarest} has the fewest pixels, {100 * least:.1f} %: no class is rare"
        return Decision("loss", "cross-entropy", why)
    rare = sum(share < bound for share, _ in shown)
    why = (
        f"{rarest} has {100 * least:.2g} % of the pixels"
        f"{f'; {rare} classes have' if rare > 1 else ','} less than half of an equal share"
    )
    words = "cross-entropy and soft Dice; a third of the crops placed by class"
    return Decision("loss", words, why, _both({"dice": 1.0, "rare": PLACED}))


def validation(dataset: Dataset, given: bool) -> Decision:
    """``given``: the data or the user say which images are validated on; otherwise the data set was
    opened with folds, so that all of its images are in train."""
    number, held = dataset.count("train"), dataset.count("val")
    tested = dataset.count("test")
    test = f"; {tested} images of the test part are never used to choose" if tested else ""
    if given and dataset.folds:
        folds = len(set(dataset.folds))
        return Decision("validation", f"{folds} folds", f"as the data section says{test}")
    if given:
        why = f"the data have a validation part{test}"
        return Decision("validation", f"on {held} images, training on {number}", why)
    scenes = len({dataset.group("train", index) for index in range(number)} - {""})
    whole = f", {scenes} scenes kept whole" if scenes > 1 else ""
    if number < FEW:
        folds = min(FOLDS, scenes if scenes > 1 else number)
        why = (
            f"{number} images are few: folds serve only to choose, the exported network is trained"
            f" on all of them{test}"
        )
        return Decision("validation", f"{folds} folds{whole}", why, {"data.split.folds": folds})
    share = min(SHARE, round(ENOUGH / number, 4))
    why = (
        f"{number} images are enough to hold some out; folds would cost {FOLDS} times as much{test}"
    )
    shown = f"on {100 * share:.3g} % of the images{whole}"
    return Decision("validation", shown, why, {"data.split.share": share})


def _both(recipe: Mapping[str, object]) -> dict[str, object]:
    return {
        f"{section}.recipe.{name}": value
        for section in ("proxy", "promotion")
        for name, value in recipe.items()
    }
