"""How long a proxy is, and how many candidates fit into the search's part of the hours."""

from __future__ import annotations

from dataclasses import dataclass

from nas.planning.decision import Decision
from nas.planning.frame import PROXY_STEPS, WIDTHS, Frame, averaging, divided, scaled
from results import units

SHORTER = 24
"""A full training sees this many times the crops of a proxy (40 in Google's released search)."""
FEWEST_STEPS = 40
"""Steps of a proxy in each fold where fewer than FEWEST_TRIALS of PROXY_STEPS would fit into the
hours."""
MOST_TRIALS, FEWEST_TRIALS = 200, 8
PROXY_EPOCHS = 4


@dataclass(frozen=True)
class Candidates:
    """``seconds`` of one candidate by one worker; ``turns``: so many folds are held out."""

    epochs: int
    images: int
    turns: int
    trials: int
    seconds: float
    baselines: tuple[str, ...]

    def decisions(self, frame: Frame, search: float) -> tuple[Decision, ...]:
        recipe = frame.recipe
        steps = self.epochs * self.images // recipe.batch_size
        total = self.epochs * self.images * self.turns
        scale = frame.scale(WIDTHS[-1])
        values = {
            "proxy.epochs": self.epochs,
            "proxy.images": self.images,
            "proxy.score": "soft_miou",
            "proxy.recipe.averaging": averaging(steps),
            **scaled("proxy", scale),
        }
        folds = ""
        if frame.folds > 1:
            values["proxy.held_out"] = list(range(self.turns))
            folds = f" with {'one fold' if self.turns == 1 else f'{self.turns} folds'} held out"
        seen = Decision(
            "a proxy sees",
            f"{total:,} crops{folds}, at width {WIDTHS[-1]:g}",
            f"about 1/{SHORTER} of a full training, but at least {PROXY_STEPS} steps per"
            f" training, or {FEWEST_STEPS} where hours are short",
            values,
            f"{units.duration(self.seconds)} each",
        )
        count = Decision(
            "candidates",
            f"{self.trials}, by {units.counted(frame.there.workers, 'worker')}, and "
            f"{', '.join(self.baselines)} for comparison",
            "as many as fit into the search's part of the hours",
            {
                "budget.trials": self.trials,
                "budget.hours": round(search / 3600, 4),
                "baselines": list(self.baselines),
                "controller.initial": max(2, min(10, self.trials // 3)),
            },
            units.duration(search),
        )
        return seen, count


def candidates(frame: Frame, crops: float, seconds: float, full: int) -> Candidates:
    """Proxies of a fixed part of full training, and longer ones where very many would fit. Where
    few fit, fewer folds are held out before proxies become shorter."""
    batch, folds, workers = frame.recipe.batch_size, frame.folds, frame.there.workers
    looks = frame.looks("train" if folds > 1 else "val") / crops
    usual, least = (steps * batch for steps in (PROXY_STEPS, FEWEST_STEPS))
    wanted, turns = max(full // SHORTER, usual), folds

    def each() -> float:
        return turns * wanted / crops + looks * turns / folds

    def trials() -> float:
        # A baseline is scored too, and the first of all that stand on an encoder computes its maps.
        return workers * seconds / each() - (2 if frame.start else 1)

    if trials() > MOST_TRIALS:
        longest = (workers * seconds / (MOST_TRIALS + 1) - looks) * crops / folds
        wanted = min(full, int(longest))
    while trials() < FEWEST_TRIALS and turns > 1:
        turns -= 1
    while trials() < FEWEST_TRIALS and wanted > least:
        wanted = max(least, int(0.8 * wanted))
    epochs, images = divided(wanted, PROXY_EPOCHS if turns == 1 else 2, batch)
    wanted = epochs * images
    rivals = (f"{frame.rival}-os32" if frame.start else frame.rival,)
    return Candidates(epochs, images, turns, max(2, int(trials())), each(), rivals)
