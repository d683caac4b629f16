"""What a run that was broken came to, beside the same run unbroken."""

from __future__ import annotations

import csv
import json
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.fault_phases import promoted
from benchmarks.fault_rig import Broken, Rig, environment, export, nas, promote, settings, trials_of
from nas.runs import events
from results.trial import Trial

MEASURED_ANEW = frozenset({"seconds", "date", "latency", "peak_memory"})
"""Of a training, by whoever does it: left out of what is compared."""


def compare(rig: Rig, console: Callable[[str], None]) -> None:
    """Do without a kill and without Ray what was done with kills; what an earlier leg did of that
    stays. Raises Broken where they differ."""
    trials = rig.trials()
    console(f"{len(trials)} trials; now the same search without a kill")
    begun = (rig.whole / "config.yaml").exists()
    words = ["--trials", str(len(trials)), "--run", str(rig.whole)]
    inline = ["--engine", "inline", *settings(rig.folder)]
    _done("search", *words, *(["--resume"] if begun else inline))
    _same("ledgers", list(map(_told, trials)), list(map(_told, trials_of(rig.whole))))
    for trial in promoted(rig):
        console(f"promoting and exporting {trial.name} without a kill")
        _done(*promote(rig.whole, trial))
        _done(*export(rig.whole, trial, rig.whole / "exports" / trial.name))
    for part in ("promotions", "exports"):
        _same(part, _files(rig.run / part), _files(rig.whole / part))
    if twice := [*repeated(rig.run), *repeated_epochs(rig.run)]:
        raise Broken(f"ran twice: {', '.join(twice)}")


def repeated(run: Path) -> list[str]:
    """Trials that a search said to have finished more than once."""
    ends: Counter[str | None] = Counter()
    for line in (run / events.FILE).read_text("utf-8").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # torn by a kill
        ends[event.get("name")] += event["event"] == "trial finished"
    return [name for name, times in ends.items() if name and times > 1]


def repeated_epochs(run: Path) -> Iterator[str]:
    """Full trainings whose history has an epoch twice, or lacks one."""
    for history in sorted((run / "promotions").glob("*/history.csv")):
        with history.open(newline="") as file:
            epochs = [int(row["epochs"]) for row in csv.DictReader(file)]
        if epochs != list(range(1, len(epochs) + 1)):
            yield history.parent.name


def _done(*words: str) -> None:
    subprocess.run(nas(*words), check=True, stdout=subprocess.DEVNULL, env=environment())


def _told(trial: Trial) -> tuple[object, ...]:
    measured = trial.measurement
    scores = (measured.miou, measured.loss, measured.train_loss) if measured else ()
    return trial.number, trial.key, trial.genotype, trial.state, scores


def _same(what: str, broken: Any, unbroken: Any) -> None:
    if broken == unbroken:
        return
    rows = (broken.items(), unbroken.items()) if isinstance(broken, dict) else (broken, unbroken)
    pairs = zip(*rows, strict=False)
    first = next((pair for pair in pairs if pair[0] != pair[1]), (len(broken), len(unbroken)))
    raise Broken(f"{what}: {str(first[0])[:500]} is not {str(first[1])[:500]}")


def _files(folder: Path) -> dict[str, Any]:
    """Every file that a kill may not change, by its path; none but these may be there."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): _content(path) for path in found}


def _content(path: Path) -> Any:
    if path.suffix == ".json":
        return _lasting(json.loads(path.read_text()))
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return [_lasting(row) for row in csv.DictReader(file)]
    if path.name == "checkpoint.pt":
        return None  # it knows how long epochs took
    return path.read_bytes()


def _lasting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _lasting(v) for key, v in value.items() if key not in MEASURED_ANEW}
    return [_lasting(each) for each in value] if isinstance(value, list) else value
