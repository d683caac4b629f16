"""The candidates so far, in the form that a controller receives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from results.trial import Trial


class History(list[Trial]):
    """In the order of their numbers. Whether a network is among them is known without a look
    through them, which at ten thousand takes as long as all else of a random proposal."""

    def __init__(self, trials: Iterable[Trial] = ()) -> None:
        super().__init__()
        self.keys: set[str] = set()
        self._places: dict[int, int] = {}
        for trial in trials:
            self.put(trial)

    def put(self, trial: Trial) -> None:
        """A new candidate, or one that is known as it is now."""
        place = self._places.setdefault(trial.number, len(self))
        self[place : place + 1] = [trial]
        self.keys.add(trial.key)


def keys(history: Sequence[Trial]) -> set[str]:
    """Of every network among them; for reading."""
    return history.keys if isinstance(history, History) else {trial.key for trial in history}
