"""``nas export``: a found architecture as a spec, as code and weights, or as others load it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console

from nas.parts import build
from nas.prediction.predictors import palette
from nas.runs import ledgers, promotion_records, selection
from nas.runs.directory import RunDirectory
from nas.runs.promotion_records import Promotion
from proxy_tasks.checkpoint import Weights
from proxy_tasks.sight import OWN, Sight
from proxy_tasks.task import Measurement
from results.build_options import BuildOptions, build_options
from results.export.huggingface import export_huggingface
from results.export.mmseg import export_mmseg
from results.export.spec import export_spec
from results.export.standalone import export_python
from results.export.subject import Subject, prepare
from results.export.tf_vision import export_block_specs
from results.export.timm_backbone import export_timm
from results.trial import Trial
from search_space import catalog
from search_space.architecture import Architecture
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.scales import Scale


@dataclass(frozen=True)
class Exported:
    """What an export needs to know. ``weights`` is None where nothing was trained fully, ``sight``
    then says how large images are to be seen."""

    name: str
    backbone: Backbone
    scale: Scale
    size: tuple[int, int]
    classes: tuple[str, ...]
    weights: Path | None = None
    sight: Sight = OWN
    provenance: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def subject(self) -> Subject:
        """The network, built once for all formats."""
        return prepare(
            self.backbone,
            self.scale,
            self.classes,
            self.size,
            palette=palette(self.classes),
            sight=self.sight,
            weights=self.weights,
            provenance=self.provenance,
        )


def _spec(what: Exported, folder: Path) -> list[Path]:
    return [export_spec(what.backbone, what.provenance, folder)]


def _python(what: Exported, folder: Path) -> list[Path]:
    return export_python(what.subject, folder)


def _diagram(what: Exported, folder: Path) -> list[Path]:
    from results.drawing import draw  # matplotlib takes half a second to import

    if not isinstance(what.backbone, Architecture):
        raise UserError(f"{what.name}: a ResNet has no block diagram; choose a searched trial")
    folder.mkdir(parents=True, exist_ok=True)
    return draw(
        what.backbone, [folder / "architecture.svg", folder / "architecture.png"], title=what.name
    )


def _block_specs(what: Exported, folder: Path) -> list[Path]:
    return [export_block_specs(what.backbone, folder)]


def _dilated_block_specs(what: Exported, folder: Path) -> list[Path]:
    return [export_block_specs(what.backbone, folder, dilated=True)]


def _onnx(what: Exported, folder: Path) -> list[Path]:
    from results.export import onnx_model

    onnx_model.check_installed()  # before a network is built for nothing
    return onnx_model.export_onnx(what.subject, folder / "onnx")


def _torch_program(what: Exported, folder: Path) -> list[Path]:
    from results.export.torch_program import export_torch_program

    return export_torch_program(what.subject, folder / "torch-export")


def _huggingface(what: Exported, folder: Path) -> list[Path]:
    return export_huggingface(what.subject, folder / "huggingface")


def _timm(what: Exported, folder: Path) -> list[Path]:
    return export_timm(what.subject, folder / "timm")


def _mmseg(what: Exported, folder: Path) -> list[Path]:
    return export_mmseg(what.subject, folder / "mmseg")


FORMATS: dict[str, Callable[[Exported, Path], list[Path]]] = {
    "spec": _spec,
    "python": _python,
    "onnx": _onnx,
    "torch-export": _torch_program,
    "huggingface": _huggingface,
    "timm": _timm,
    "mmseg": _mmseg,
    "diagram": _diagram,
    "tf-vision": _block_specs,
    "tf-vision-dilated": _dilated_block_specs,
}
WITH_WEIGHTS = frozenset(("python", "onnx", "torch-export", "huggingface", "timm", "mmseg"))


def export(
    source: str,
    selected: str | None,
    formats: Sequence[str],
    folder: Path,
    console: Console,
    target: BuildOptions | None = None,
) -> None:
    """Export a run's trials, a promotion, an entry of the catalogue or an architecture file.

    Args:
        selected: of a run: ``best`` (None too), ``front``, which makes a folder for each trial,
            or a trial's number.
        target: of what is no run; a run's trials are exported as they were built.

    Raises:
        UserError: unknown format, run, trial, name or file, or an option that does not go with it.
    """
    for name in formats:
        if name not in FORMATS:
            raise UserError(f"--format {name}: must be one of {', '.join(FORMATS)}")
    if Path(source).is_dir():
        if target and target.given:
            raise UserError(f"{_flags(target.given)}: leave out; trials are exported as built")
        chosen = _from_folder(Path(source), selected)
    else:
        if selected is not None:
            raise UserError(f"--trial {selected}: {source} is not a run's folder; leave it out")
        chosen = [_from_spec(source, target or build_options())]
    # What may refuse a network comes before what takes long to write.
    ordered = sorted(formats, key=lambda name: (name in WITH_WEIGHTS, name == "spec"))
    for what in chosen:
        place = folder / what.name if selected == "front" else folder
        written = [path for name in ordered for path in FORMATS[name](what, place)]
        for path in written:
            console.print(f"wrote {path}", markup=False, highlight=False, soft_wrap=True)
        if WITH_WEIGHTS.intersection(formats) and what.weights is None:
            console.print(f"{what.name} was not promoted: its export comes without trained weights")


def _from_folder(source: Path, selected: str | None) -> list[Exported]:
    if not (source / promotion_records.RECORD).is_file():
        return _from_run(source, selected or "best")
    if selected is not None:
        raise UserError(f"--trial {selected}: {source} is a promotion; leave it out")
    return [from_promotion(source)]


def _from_run(source: Path, selected: str) -> list[Exported]:
    run = RunDirectory.open(source)
    trials = ledgers.trials(run)
    promotions = promotion_records.load_all(run)
    promoted = {each.trial: each for each in reversed(promotions)}  # the best seed's
    return [
        _described(run, trial, promoted.get(trial.number))
        for trial in _select(trials, promotions, selected)
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
    """As it was promoted, or as the search had it."""
    if promoted is not None and promoted.weights is not None:
        return _trained(run, trial.folder, promoted, trial)
    config = run.config()
    fidelity = build.fidelity(config.proxy, config.data)
    classes = build.dataset(config, fidelity.size).classes
    return Exported(
        trial.folder,
        trial.backbone,
        fidelity.scale,
        fidelity.size,
        classes,
        sight=config.proxy.sight,
        provenance=_provenance(run, trial, trial.measurement),
    )


def from_promotion(folder: Path) -> Exported:
    """A full training, whichever of its network's it is; of a baseline too.

    Raises:
        UserError: for a damaged record, or one without weights.
    """
    promoted, run = (
        promotion_records.load(folder),
        RunDirectory.open(folder.resolve().parent.parent),
    )
    if promoted.weights is None:
        raise UserError(f"{folder}: it came to no weights; export another promotion")
    trial = None
    if promoted.trial is not None:
        (trial,) = selection.by_number(ledgers.trials(run), [promoted.trial])
    return _trained(run, promoted.name, promoted, trial)


def _trained(run: RunDirectory, name: str, promoted: Promotion, trial: Trial | None) -> Exported:
    assert promoted.weights is not None
    weights = Weights.open(promoted.weights)
    provenance = _provenance(run, trial, promoted.last)
    provenance["scores"] |= promoted.scores
    return Exported(
        name,
        weights.backbone,
        weights.scale,
        weights.size,
        weights.classes,
        weights.path,
        provenance=provenance | {"weights_sha256": promoted.digest},
    )


def _provenance(
    run: RunDirectory, trial: Trial | None, measured: Measurement | None
) -> dict[str, Any]:
    """MACs and parameters are those of the network that was ``measured``."""
    config = run.config()
    scores: dict[str, Any] = {} if trial is None else {"proxy_miou": trial.miou}
    if measured is not None:
        scores |= {"macs": measured.macs, "parameters": measured.parameters}
    return {
        "run": run.path.name,
        "trial": None if trial is None else trial.number,
        "controller": config.controller.name,
        "data": config.data.name,
        "scores": scores,
    }


def _from_spec(name_or_path: str, target: BuildOptions) -> Exported:
    """A catalogue entry or a file: built for the target, without weights."""
    spec = catalog.find(name_or_path)
    name = catalog.title(name_or_path)
    target = target.fitted(name, spec.backbone)
    classes = tuple(f"class {index}" for index in range(target.classes))
    provenance = dict(spec.provenance)
    return Exported(name, spec.backbone, target.scale, target.size, classes, provenance=provenance)


def _flags(options: Sequence[str]) -> str:
    return ", ".join(f"--{option}" for option in options)
