"""How many networks the finals have, and how long they train."""

from __future__ import annotations

from dataclasses import dataclass

from nas.planning.decision import Decision
from nas.planning.frame import PROXY_STEPS, Frame, averaging, divided
from proxy_tasks.datasets.base import Split
from results import units

ENOUGH = 1 / 6
"""Part of full training's crops that finalists see before there are more of them, or more folds:
the order of networks in short trainings is not that of long ones."""
LEAST_STEPS = 2 * PROXY_STEPS
"""Or this many steps, where that is more."""
MOST = 8
"""Finalists, at most."""
EPOCHS = 8


@dataclass(frozen=True)
class Finals:
    """``networks`` are trained, the rivals among them, for ``epochs`` of ``images`` crops with each
    of the folds in ``held_out`` (empty: on the part that is held out)."""

    networks: int
    epochs: int
    images: int
    held_out: tuple[int, ...]
    seconds: float

    def decision(self, frame: Frame, rivals: tuple[str, ...]) -> Decision:
        """In words, and as a config has it."""
        candidates = self.networks - len(rivals)
        steps = self.epochs * self.images // frame.recipe.batch_size
        total = self.epochs * self.images
        folds = ""
        if self.held_out:
            folds = f" with {'each' if len(self.held_out) == frame.folds else 'one'} fold held out"
        best = "the best candidate" if candidates == 1 else f"the {candidates} best candidates"
        who = f"{best} and {' and '.join(rivals)}"
        values = {
            "finals.candidates": candidates,
            "finals.epochs": self.epochs,
            "finals.images": self.images,
            "finals.averaging": averaging(steps),
            **({"finals.held_out": list(self.held_out)} if self.held_out else {}),
        }
        return Decision(
            "finals",
            f"{who} see {total:,} crops each{folds}; the best of them is trained fully",
            "what learns fast may not be what ends best: proxies alone once chose a network that"
            " was worse than the encoder alone in the end",
            values,
            units.duration(self.seconds),
        )


def finals(frame: Frame, crops: float, seconds: float, full: int, rivals: int) -> Finals:
    """``crops`` that a worker trains on in a second, and ``seconds`` for all; ``full``: the crops
    of full training, which finalists see ENOUGH of before they become more."""
    workers, batch = frame.there.workers, frame.recipe.batch_size
    enough = min(full, max(ENOUGH * full, LEAST_STEPS * batch))
    least = max(1 + rivals, min(workers, MOST))
    options = [
        (networks, turns)
        for turns in range(frame.folds, 0, -1)
        for networks in range(MOST, least - 1, -1)
    ]
    for networks, turns in options:
        rounds = -(-networks // workers)
        part: Split = "train" if frame.folds > 1 else "val"
        looks = frame.looks(part) * (turns / frame.folds)
        each = min(full, (seconds / rounds * crops - looks) / turns)
        if each >= enough or (networks, turns) == options[-1]:
            break
    epochs, images = divided(max(2 * batch, int(each)), EPOCHS, batch)
    taken = rounds * (turns * epochs * images + looks) / crops
    held_out = tuple(range(frame.folds - turns, frame.folds)) if frame.folds > 1 else ()
    return Finals(networks, epochs, images, held_out, taken)
