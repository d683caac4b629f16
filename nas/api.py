"""The Python interface of the platform: search, load a run, build a network, export it.

    import nas

    run = nas.search(data="photos/", hours=4)
    run.trials.sort_values("score")
    nas.export(run, "found/", formats=["python", "onnx"])

What the command line shows in a terminal stands below a notebook's cell, tables and bars too. What
it refuses in one line is raised as ``nas.UserError`` with that line; a run that ends without what
it was asked for raises ``nas.RunFailed``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.failures import RunFailed
from nas.runs import finals, ledgers, promotion_records, selection
from nas.runs.directory import RunDirectory, default_path
from nas.runs.promotion_records import Promotion
from nas.terminal.console import console
from proxy_tasks.own_objective import OWN
from results.trial import Trial
from search_space import catalog, scales
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.scales import Scale
from search_space.strict_yaml import render_inline

if TYPE_CHECKING:
    import pandas as pd

    from proxy_tasks.networks import Classifier, Segmenter

__all__ = ["Run", "RunFailed", "UserError", "build", "export", "load", "search"]

Place = str | Path
Settings = Mapping[str, Any] | Sequence[str]
"""What ``--set`` takes: {"proxy.epochs": 8}, or ["proxy.epochs=8"]."""


Objective = Callable[[Backbone], float]

_OF_OBJECTIVE: Settings = {
    "proxy.score": OWN,
    "proxy.epochs": 1,
    "promotion.top": 0,
    "baselines": [],
    "engine.name": "inline",
}


@dataclass(frozen=True)
class Run:
    """A run's folder, read again at every access, also while the run is running."""

    path: Path

    @property
    def trials(self) -> pd.DataFrame:
        """Every trial, those that run or failed too; the columns are told at
        results.trials_frame.trials_frame."""
        from results.trials_frame import trials_frame

        return trials_frame(self._trials())

    @property
    def leaderboard(self) -> pd.DataFrame:
        """The scored networks, best first, baselines among them (results.leaderboard)."""
        from results.leaderboard import leaderboard

        return leaderboard(self._trials())

    @property
    def promotions(self) -> list[Promotion]:
        """The full trainings that have ended, best first."""
        return promotion_records.load_all(self._directory)

    @property
    def best(self) -> Backbone:
        """The network of the best full training; before there is one, of the best in the finals or
        the best proxy score.

        Raises:
            UserError: as long as no candidate has a score.
        """
        decided = finals.load(self._directory)
        return selection.best(self._trials(), self.promotions, decided).backbone

    def network(self, trial: int) -> Backbone:
        """The network of a trial. UserError for a number that the run does not have."""
        return selection.by_number(self._trials(), [trial])[0].backbone

    def _trials(self) -> list[Trial]:
        return ledgers.trials(self._directory)

    @property
    def _directory(self) -> RunDirectory:
        return RunDirectory.open(self.path)


def search(
    config: Place | None = None,
    *,
    data: Place | None = None,
    hours: float | None = None,
    trials: int | None = None,
    run: Place | None = None,
    resume: bool = False,
    begin: Sequence[Place] = (),
    engine: str | None = None,
    settings: Settings = (),
    objective: Objective | None = None,
    quiet: bool = False,
) -> Run:
    """Search, promote the best and export the winner, as ``nas search`` does.

    Args:
        config: a preset's name or a YAML file; without it and ``data`` the demonstration.
        data: a folder of your images and labels: the search is planned.
        hours: wall time; of a planned search from reading the images to the export.
        trials: candidates to score.
        run: the folder of the run; by default ``runs/NAME-DATE``.
        resume: continue the run in ``run``.
        begin: runs and architecture files of the networks to begin with.
        engine: ``ray`` or ``inline``; by default the config's.
        settings: single values of the config, see ``Settings``.
        objective: scores networks in the place of a training: a function of an architecture that
            gives a number, more is better. Nothing is promoted then, and ``engine`` is inline
            where it is not given.
        quiet: show nothing.

    Raises:
        UserError: before anything is written, for what can be seen to be wrong.
        RunFailed: where no candidate got a score.
    """
    from nas.commands.search import Asked
    from nas.commands.search import search as searched

    if objective and data is not None:
        raise UserError(f"data: an objective of your own reads no images; leave {data} out")
    told = _settings(_OF_OBJECTIVE if objective and not resume else {}) + _settings(settings)
    flags = {"budget.trials": trials, "engine.name": engine}
    told += _settings({key: value for key, value in flags.items() if value is not None})
    asked = Asked(_text(config), _text(data), hours, told, objective=objective)
    path = Path(run) if run is not None else default_path(asked.named)
    searched(asked, path, resume, console(quiet), [str(each) for each in begin])
    return Run(path)


def load(run: Place) -> Run:
    """An existing run. UserError where there is none."""
    return Run(RunDirectory.open(Path(run)).path)


def build(
    network: Place | Backbone,
    scale: str | Scale = "S49",
    classes: int = 19,
    size: tuple[int, int] = (512, 1024),
) -> Segmenter | Classifier:
    """An untrained network: x_BCHW in, logits_BKHW out (of a classifier's scale logits_BK).

    Args:
        network: a name of the catalogue (``nas describe`` lists them), an architecture file, or an
            architecture, such as a run's ``best``.
        scale: how big, by name or as a Scale.
        classes: K.
        size: (height, width) in pixels of the images it is for: it sets ASPP's atrous rates (see
            search_space.shapes.aspp_rates); images of any size run.

    Weights come from torch's global generator: seed it for a start that can be repeated.

    Raises:
        UserError: for a name, file, scale or count that is none, or a network that this machine
            cannot hold.
    """
    from proxy_tasks.networks import build as built
    from proxy_tasks.room import check_room

    backbone = catalog.find(str(network)).backbone if isinstance(network, Place) else network
    known = scales.named(scale) if isinstance(scale, str) else scale
    check_room(backbone, known, classes, size)
    return built(backbone, known, classes, size)


def export(
    source: Run | Place,
    folder: Place,
    *,
    formats: Sequence[str] = ("spec", "python"),
    trial: int | str | None = None,
    weights: Place | None = None,
    class_names: Sequence[str] = (),
    quiet: bool = False,
) -> Path:
    """Write a network in other tools' formats, as ``nas export`` does; returns the folder.

    Args:
        source: a run, a promotion's folder, a name of the catalogue or an architecture file.
        formats: names that ``nas export --help`` lists.
        trial: of a run: a number, ``best`` (None) or ``front``.
        weights: a file for a name of the catalogue or an architecture file: torchvision's DeepLabv3
            (.pth), whose classes are called as ``class_names`` says, or one of ours.

    Raises:
        UserError: for a format, source or trial that is none.
    """
    from nas.commands.export import export as exported

    path = str(source.path if isinstance(source, Run) else source)
    chosen = None if trial is None else str(trial)
    file = None if weights is None else Path(weights)
    shown = console(quiet)
    exported(
        path, chosen, tuple(formats), Path(folder), shown, weights=file, class_names=class_names
    )
    return Path(folder)


def _text(place: Place | None) -> str | None:
    return None if place is None else str(place)


def _settings(settings: Settings) -> list[str]:
    """As ``--set`` takes them: values as YAML in one line."""
    if not isinstance(settings, Mapping):
        return list(settings)
    return [f"{key}={render_inline(_plain(value))}" for key, value in settings.items()]


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
