"""Reads a data set once, showing progress on the terminal, and reports what is there."""

from __future__ import annotations

import json

from rich.console import Console

from nas.failures import RunFailed
from nas.terminal.data import as_dict, report
from proxy_tasks.datasets.base import Dataset
from proxy_tasks.datasets.fingerprint import fingerprint
from proxy_tasks.datasets.traits import Fingerprint


def check_dataset(dataset: Dataset, as_json: bool, console: Console) -> Fingerprint:
    """Read a data set once, opened though it may be faulty, and print what is there.

    Raises:
        RunFailed: when something is wrong with it.
    """
    found = measured(dataset, console)
    if as_json:
        console.file.write(json.dumps(as_dict(found), indent=2) + "\n")
    else:
        report(found, console)
    if wrong := len(found.wrong):
        counted = "one thing is" if wrong == 1 else f"{wrong} things are"
        raise RunFailed(f"{dataset.name}: {counted} wrong")
    return found


def measured(dataset: Dataset, console: Console) -> Fingerprint:
    """The fingerprint, with the console saying how far the reading is."""
    with console.status(f"reading {dataset.name}") as status:
        return fingerprint(
            dataset, lambda done, total: status.update(f"reading {dataset.name}: {done} of {total}")
        )
