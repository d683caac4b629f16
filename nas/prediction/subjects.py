"""What a word of the command line names, as networks to export.

The word is a run's folder, the folder of one of its promotions, a file of weights, an entry of the
catalogue, or an architecture file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nas.parts import build
from nas.prediction.given_weights import NONE, GivenWeights, of_weights
from nas.prediction.predictors import palette
from nas.runs import data_identity, finals, ledgers, promotion_records, selection
from nas.runs.built_as import built_as
from nas.runs.directory import RunDirectory
from nas.runs.promotion_records import Promotion
from proxy_tasks.checkpoint import Weights
from proxy_tasks.task import Measurement
from results.build_options import BuildOptions
from results.export.subject import Subject
from results.trial import Trial
from search_space import catalog
from search_space.errors import UserError

BEST, FRONT = "best", "front"
"""Trials of a run, beside a number."""
WEIGHTS = ".safetensors"
"""What files of weights end with."""


def resolve(
    named: str, selected: str | None, options: BuildOptions, weights: GivenWeights = NONE
) -> list[Subject]:
    """The networks of that name: one, or those of a run's front.

    Args:
        selected: of a run: BEST (None too), FRONT, or a trial's number.
        options: what an entry or a file is built for; a run's networks are as they were built.
        weights: for an entry or an architecture file.

    Raises:
        UserError: for a name, a trial or a file that is none, or an option that does not go with
            it.
    """
    folder = Path(named)
    if not folder.is_dir():
        if selected is not None:
            raise UserError(f"--trial {selected}: {named} is not a run's folder; leave it out")
        if folder.suffix != WEIGHTS:
            return [of_spec(named, built_as(named, options), weights)]
    weights.refuse(named)
    if options.given:
        given = ", ".join(f"--{option}" for option in options.given)
        raise UserError(
            f"{given}: leave out; trained networks and trials are exported as they were built"
        )
    if folder.suffix == WEIGHTS and not folder.is_dir():
        return [of_weights(folder)]
    if not (folder / promotion_records.RECORD).is_file():
        return of_run(RunDirectory.open(folder), selected or BEST)
    if selected is not None:
        raise UserError(f"--trial {selected}: {named} is a promotion; leave it out")
    return [of_promotion(folder)]


def of_spec(named: str, options: BuildOptions, weights: GivenWeights = NONE) -> Subject:
    """A catalogue entry or a file: built for the options, with the weights that are given, or
    without any."""
    spec, name = catalog.find(named), catalog.title(named)
    if weights.file is not None:
        return weights.subject(spec.backbone, name, options)
    fitted = options.fitted(name, spec.backbone)
    return Subject(
        spec.backbone,
        fitted.scale,
        classes := tuple(f"class {index}" for index in range(fitted.classes)),
        fitted.size,
        name,
        palette=palette(classes),
        provenance=dict(spec.provenance),
    )


def of_run(run: RunDirectory, selected: str) -> list[Subject]:
    """The chosen trials of a run, each as it was promoted, or else as the search built it."""
    trials, promotions = ledgers.trials(run), promotion_records.load_all(run)
    trained = {each.trial: each for each in reversed(promotions) if each.weights}  # the best seed's
    return [
        _promoted(run, trial.folder, trained[trial.number], trial)
        if trial.number in trained
        else _proposed(run, trial)
        for trial in _select(trials, promotions, finals.load(run), selected)
    ]


def of_promotion(folder: Path) -> Subject:
    """A full training, whichever of its network's it is; of a baseline too.

    Raises:
        UserError: for a damaged record, or one without weights.
    """
    promoted = promotion_records.load(folder)
    run = RunDirectory.open(folder.resolve().parent.parent)
    if promoted.weights is None:
        raise UserError(f"{folder}: this promotion has no weights; export another")
    trial = None
    if promoted.trial is not None:
        (trial,) = selection.by_number(ledgers.trials(run), [promoted.trial])
    return _promoted(run, promoted.name, promoted, trial)


def _select(
    trials: list[Trial], promoted: list[Promotion], decided: list[Trial], selected: str
) -> list[Trial]:
    if selected == BEST:
        return [selection.best(trials, promoted, decided)]
    if selected == FRONT:
        return selection.front(trials)
    if not selected.isdecimal():
        raise UserError(f"--trial {selected}: must be best, front or a trial's number")
    return selection.by_number(trials, [int(selected)])


def _proposed(run: RunDirectory, trial: Trial) -> Subject:
    config = run.config()
    fidelity = build.fidelity(config.proxy, config.data)
    held = data_identity.load(run)  # the data themselves may lie elsewhere by now
    classes = held.classes if held else build.dataset(config, fidelity.size).classes
    return Subject(
        trial.backbone,
        fidelity.scale,
        classes,
        fidelity.size,
        trial.folder,
        palette=palette(classes),
        sight=config.proxy.sight,
        provenance=_provenance(run, trial, trial.measurement),
    )


def _promoted(run: RunDirectory, name: str, promoted: Promotion, trial: Trial | None) -> Subject:
    assert promoted.weights is not None
    promoted.check_weights()
    weights = Weights.open(promoted.weights)
    provenance = _provenance(run, trial, promoted.last)
    provenance["scores"] |= promoted.scores
    return Subject(
        weights.backbone,
        weights.scale,
        weights.classes,
        weights.size,
        name,
        weights.path,
        palette(weights.classes),
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
