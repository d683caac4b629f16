"""All trials of a ledger as a table, those that run, failed or were stopped too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import pandas as pd

from proxy_tasks.task import Measurement
from results.trial import Trial

_TRIAL = ("number", "name", "kind", "state", "score", "key", "started", "finished", "error")
_MEASURED = tuple(each.name for each in fields(Measurement) if each.name != "score")
COLUMNS = (*_TRIAL, "setbacks", *_MEASURED)


def trials_frame(trials: Iterable[Trial]) -> pd.DataFrame:
    """One row a trial in the order of their numbers; what is not known is missing (NaN, NaT, None).

    ``score`` is what the search maximises, of complete trials alone; ``setbacks`` counts how often
    one had to be run again; the other columns are the fields of a Trial and of its Measurement, in
    plain units: seconds, bytes, counts, mIoU in [0, 1].
    """
    frame = pd.DataFrame([_row(each) for each in trials], columns=list(COLUMNS))
    for moment in ("started", "finished"):
        frame[moment] = pd.to_datetime(frame[moment], utc=True)
    return frame


def _row(trial: Trial) -> dict[str, Any]:
    row = {name: getattr(trial, name) for name in _TRIAL}
    row |= {"state": str(trial.state), "setbacks": len(trial.setbacks)}
    if (measured := trial.measurement) is not None:
        row |= {name: getattr(measured, name) for name in _MEASURED}
        row["failure"] = measured.failure and str(measured.failure)
    return row
