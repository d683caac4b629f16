"""``nas export``: a found architecture as a spec, or as code and weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from nas import build, lineage, selection
from nas.lineage import Promotion
from nas.run import RunDirectory
from proxy_tasks.augment import MEAN, STD
from proxy_tasks.checkpoint import Weights
from results.export.spec import export_spec
from results.export.standalone import export_python
from results.ledger import Ledger
from results.trial import Trial
from search_space import architecture_file
from search_space.architecture import Architecture
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.scales import SCALES, Scale


@dataclass(frozen=True)
class Exported:
    """What an export needs to know. ``weights`` is None where nothing was trained fully."""

    name: str
    backbone: Backbone
    scale: Scale
    size: tuple[int, int]
    classes: tuple[str, ...]
    weights: Path | None = None
    provenance: dict[str, Any] = field(default_factory=dict)


def _spec(what: Exported, folder: Path) -> list[Path]:
    return [export_spec(what.backbone, what.provenance, folder)]


def _python(what: Exported, folder: Path) -> list[Path]:
    return export_python(
        what.backbone,
        what.scale,
        what.classes,
        what.size,
        folder,
        mean=MEAN,
        std=STD,
        weights=what.weights,
        provenance=what.provenance,
    )


def _diagram(what: Exported, folder: Path) -> list[Path]:
    from results.drawing import draw  # matplotlib takes half a second to import

    if not isinstance(what.backbone, Architecture):
        raise UserError(f"{what.name}: a ResNet has no block diagram; choose a searched trial")
    folder.mkdir(parents=True, exist_ok=True)
    return draw(
        what.backbone, [folder / "architecture.svg", folder / "architecture.png"], title=what.name
    )


FORMATS: dict[str, Callable[[Exported, Path], list[Path]]] = {
    "spec": _spec,
    "python": _python,
    "diagram": _diagram,
}


def export(
    source: str, selected: str, formats: Sequence[str], folder: Path, console: Console
) -> None:
    """Export a run's trials (``best``, ``front`` or a number) or an architecture file.

    ``front`` makes a folder for each trial.

    Raises:
        UserError: unknown format, run, trial or file.
    """
    for name in formats:
        if name not in FORMATS:
            raise UserError(f"--format {name}: must be one of {', '.join(FORMATS)}")
    chosen = _from_run(source, selected) if Path(source).is_dir() else [_from_file(Path(source))]
    for what in chosen:
        target = folder / what.name if selected == "front" else folder
        written = [path for name in formats for path in FORMATS[name](what, target)]
        for path in written:
            console.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)
        if "python" in formats and what.weights is None:
            console.print(f"{what.name} was not promoted: network.py comes without weights")


def _from_run(source: str, selected: str) -> list[Exported]:
    run = RunDirectory.open(Path(source))
    with Ledger.open(run.ledger, read_only=True) as ledger:
        trials = ledger.trials()
    promoted = {each.trial: each for each in lineage.load_all(run)}
    return [
        _described(run, trial, promoted.get(trial.number))
        for trial in _select(trials, list(promoted.values()), selected)
    ]


def _select(trials: list[Trial], promoted: list[Promotion], selected: str) -> list[Trial]:
    if selected == "best":
        return [selection.best(trials, promoted)]
    if selected == "front":
        return selection.front(trials)
    if not selected.isdecimal():
        raise UserError(f"--trial {selected}: must be best, front or a trial's number")
    return selection.by_number(trials, [int(selected)])


def _described(run: RunDirectory, trial: Trial, promoted: Promotion | None) -> Exported:
    config = run.config()
    scores: dict[str, Any] = {"proxy_miou": trial.score}
    if trial.measurement is not None:
        scores |= {"macs": trial.measurement.macs, "parameters": trial.measurement.parameters}
    provenance = {
        "run": run.path.name,
        "trial": trial.number,
        "controller": config.controller.name,
        "data": config.data.name,
        "scores": scores,
    }
    if promoted is None or promoted.weights is None:
        fidelity = build.fidelity(config.proxy)
        classes = build.dataset(config, fidelity.size).classes
        return Exported(
            trial.name,
            trial.backbone,
            fidelity.scale,
            fidelity.size,
            classes,
            provenance=provenance,
        )
    scores |= {"promoted_miou": promoted.miou, "epoch": promoted.epoch}
    weights = Weights.open(promoted.weights)
    return Exported(
        trial.name,
        weights.backbone,
        weights.scale,
        weights.size,
        weights.classes,
        weights.path,
        provenance | {"weights_sha256": promoted.digest},
    )


def _from_file(path: Path) -> Exported:
    """A spec alone: built at S49, for 512x512 pixels and 19 classes, without weights."""
    backbone = architecture_file.load(path)
    classes = tuple(f"class {index}" for index in range(19))
    return Exported(path.stem, backbone, SCALES["S49"], (512, 512), classes)
