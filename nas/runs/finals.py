"""The finals of a run: its best candidates and their rivals, trained longer than in the search, so
that full training gets the best of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from nas.config import Config
from nas.parts.baselines import named
from nas.runs.directory import RunDirectory
from nas.runs.selection import top
from proxy_tasks.objectives import OBJECTIVES, Metric
from results import units
from results.ledger import Ledger
from results.store import NoLedgerError
from results.trial import Trial
from search_space.backbone import Backbone
from search_space.canonical import canonical_key


def load(run: RunDirectory) -> list[Trial]:
    """What was trained in them, by the names that the search has; none before they begin.

    Raises:
        UserError: for a damaged ledger.
    """
    try:
        with Ledger.open(run.finals, read_only=True) as ledger:
            return ledger.trials()
    except NoLedgerError:
        return []


def finalists(trials: Sequence[Trial], config: Config) -> dict[str, Backbone]:
    """Name -> network: the rivals, as the search called them where it scored them too, and so many
    of the best other candidates as the config says. UserError where no candidate has a score."""
    called = {trial.key: trial.name for trial in reversed(trials)}
    found: dict[str, Backbone] = {}
    for name in config.promotion.rivals:
        backbone = named(name, config)
        found[called.get(canonical_key(backbone), name)] = backbone
    others = [trial for trial in top(trials, len(trials)) if trial.name not in found]
    return found | {trial.name: trial.backbone for trial in others[: config.finals.candidates]}


def ranked(finals: Sequence[Trial]) -> list[Trial]:
    """Best first, those without a score last."""
    return sorted(finals, key=lambda t: float("inf") if t.score is None else -t.score)


def told(finals: Sequence[Trial], by: Metric) -> str:
    """What they came to, in one line; empty where there were none. ``by``: what scored them."""
    shown = [
        f"{each.name} {each.state if each.score is None else units.score(each.score, by)}"
        for each in ranked(finals)
    ]
    return f"finals by {OBJECTIVES[by].score_name}: {', '.join(shown)}" if shown else ""
