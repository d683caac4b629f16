"""Whether the ledger, the records, the weights and the artifacts of a run are whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from nas.config import Config
from nas.runs import (
    audited,
    data_identity,
    evaluations,
    ledgers,
    promotion_records,
    settings_identity,
    teacher_identity,
)
from nas.runs.directory import RunDirectory
from nas.runs.promotion_records import RECORD, Promotion
from nas.runs.wholeness import Look, Part, faults, read, read_spec
from proxy_tasks.checkpoint import Checkpoint, Weights
from results.ledger import Ledger
from results.trial import Trial
from search_space import architecture_file
from search_space.canonical import canonical_key


@dataclass
class Books:
    """Of one run. ``config``, ``trials`` and ``promotions``: as far as they can be read; each part
    makes known what the next ones need."""

    run: RunDirectory
    config: Config | None = None
    trials: list[Trial] = field(default_factory=list)
    promotions: list[Promotion] = field(default_factory=list)

    def parts(self) -> Iterator[Part]:
        """One after the other."""
        config = faults([(self.run.config_file, self._read_config)])
        yield self._ledger()
        yield self._records(config)
        yield self._weights()
        yield self._artifacts()

    def _ledger(self) -> Part:
        legs = sorted((self.run.path / "legs").glob("*.journal"))
        if self.config is None:  # it says where the ledger is
            return Part("ledger", None)
        looks: list[Look] = [(path, partial(_check_leg, path)) for path in legs]
        found = faults([*looks, (self.run.ledger, self._read_trials)])
        return Part("ledger", self._ledger_seen(legs), found)

    def _ledger_seen(self, legs: list[Path]) -> str:
        if self.run.finals in legs:
            return f"{len(self.trials)} trials and the finals"
        return f"{len(legs)} legs of an audit" if legs else f"{len(self.trials)} trials"

    def _records(self, config: list[str]) -> Part:
        looks = [*self._of_run(), *self._of_promotions()]
        return Part("records", f"{1 + len(looks)} files", [*config, *faults(looks)])

    def _weights(self) -> Part:
        """By their digests; of trainings under way by what their headers and checkpoints say."""
        looks = list(self._of_trainings())
        unsaid = sum(each.weights is not None and not each.digest for each in self.promotions)
        beside = f", of which {unsaid} have no digest in their record" if unsaid else ""
        return Part("weights", f"{len(looks)} files{beside}", faults(looks))

    def _artifacts(self) -> Part:
        files = [path for path in sorted(self.run.artifacts.rglob("*")) if path.is_file()]
        mend = f"`nas search --run {self.run.path} --resume` writes it again"
        looks = ((path, partial(read_spec, path)) for path in files)
        return Part("artifacts", f"{len(files)} files", faults(looks, mend))

    def _read_config(self) -> None:
        self.config = self.run.config()

    def _read_trials(self) -> None:
        self.trials = ledgers.trials(self.run)
        check_keys(self.trials)

    def _of_run(self) -> Iterator[Look]:
        run = self.run
        if run.data_file.is_file():
            yield run.data_file, partial(data_identity.load, run)
        if (settings := run.path / settings_identity.FILE).is_file():
            yield settings, partial(settings_identity.load, run.path)
        if run.teacher_file.is_file():
            yield run.teacher_file, partial(teacher_identity.load, run)
        for name in ("environment.json", "plan.yaml", audited.FILE):
            if (path := run.path / name).is_file():
                yield path, partial(read, path)
        for path in run.starts():
            yield path, partial(architecture_file.load, path)

    def _of_promotions(self) -> Iterator[Look]:
        for folder in self._folders():
            if (path := folder / RECORD).is_file():
                yield path, partial(self._read_promotion, folder)
            if (path := folder / "settings.json").is_file():
                yield path, partial(read, path)
            if (path := folder / evaluations.FILE).is_file():
                yield path, partial(evaluations.load_all, folder)

    def _read_promotion(self, folder: Path) -> None:
        """It must be of the network that the ledger has under its number."""
        found = promotion_records.load(folder)
        self.promotions.append(found)
        keys = {trial.number: trial.key for trial in self.trials}
        if found.trial is not None and keys.get(found.trial, found.key) != found.key:
            raise ValueError(f"it is of another network than trial {found.trial} of the ledger")

    def _of_trainings(self) -> Iterator[Look]:
        ended = {each.weights.parent: each for each in self.promotions if each.weights is not None}
        for folder in self._folders():
            kept = Checkpoint(folder)
            if folder in ended:
                yield kept.weights, ended[folder].check_weights
            elif kept.weights.is_file():
                yield kept.weights, partial(Weights.open, kept.weights)
            if kept.state.is_file():
                yield kept.state, kept.check

    def _folders(self) -> list[Path]:
        return sorted(path for path in self.run.promotions.glob("*") if path.is_dir())


def check_keys(trials: Iterable[Trial]) -> None:
    """ValueError where a trial's spec is not that of the network that was scored."""
    for trial in trials:
        if trial.key != canonical_key(trial.backbone):
            raise ValueError(f"the spec of trial {trial.number} is not that of its key {trial.key}")


def _check_leg(path: Path) -> None:
    with Ledger.open(path, read_only=True) as ledger:
        check_keys(ledger.trials())
