"""Networks of one run that did not start alike: those that an earlier release trained.

Until ledgers of format 3, initial weights were drawn in the order of a spec, and since then in the
canonical order: one network and one seed, two starts and two scores (docs/log.md, 2026-12-01).
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence

from nas.runs.directory import RunDirectory
from results.trial import Trial


def warning(
    run: RunDirectory, trials: Sequence[Trial], earlier: Collection[int], resumed: bool = False
) -> str | None:
    """One line where a leaderboard ranks both, or will when a run is ``resumed``.

    Args:
        earlier: numbers of the trials that ended under an earlier release.
    """
    scored = [trial.number for trial in trials if trial.score is not None]
    old = sum(number in earlier for number in scored)
    if not old or (old == len(scored) and not resumed):
        return None
    config, path = shlex.quote(str(run.config_file)), shlex.quote(str(run.path))
    return (
        f"{old} of {len(scored)} networks were scored by an earlier release, which drew initial"
        " weights in another order: their scores and later ones differ by more than the networks;"
        f" to score them anew: nas search {config} --from {path} --run NEW"
    )
