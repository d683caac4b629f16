"""The durable record of all trials of a run: an Optuna study with one writer.

A trial is written in full before it is sent out, and finished in one write after it returns, so
that a run survives the death of anything. Optuna's own tools open the same file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from optuna.artifacts import FileSystemArtifactStore, get_all_artifact_meta, upload_artifact
from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as OptunaState

from proxy_tasks.task import Measurement
from results import database, order, record
from results.record import FORMAT, READABLE
from results.storage import Place, Store, create_store, open_store
from results.store import NoLedgerError
from results.trial import Kind, Setback, Trial, TrialState
from search_space import genes
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.genes import Gene, Genotype

_BROKEN = (LookupError, TypeError, ValueError, AttributeError)
"""What is raised by values of another kind than ours."""
_MADE_OF = ("genes", "metadata", "format")
"""The attributes of a ledger's study; the last makes it one."""


class Ledger:
    """Trials of one run, numbered from 0. Make one with ``create`` or ``open``.

    As a context manager it is closed at the end: another process may then write.
    """

    def __init__(self, store: Store, study_id: int) -> None:
        self._store = store
        self._storage = store.storage
        self._study_id = study_id
        attributes = self._storage.get_study_user_attrs(study_id)
        self.name: str = self._storage.get_study_name_from_id(study_id)
        self.genes = tuple(Gene(name, radix) for name, radix in attributes["genes"])
        self.metadata: Mapping[str, Any] = attributes["metadata"]
        self._writable = not store.read_only
        self._trials: list[Trial] = []
        """By number. Of a writer, who is the only one, all there is."""
        self._untold: dict[int, Trial] = {}
        """As read: those of earlier formats, which do not say in which order they ended."""
        if self._writable:
            store.claim(self.name)
            self._upgrade(attributes["format"])
        self._refresh()

    @property
    def dropped(self) -> str | None:
        """What a writer that opened this had to drop, in a line for a person."""
        if not self._store.dropped:
            return None
        return (
            f"{self._store.label}: its last line is no whole record and is dropped"
            f" ({self._store.dropped} bytes)"
        )

    @property
    def earlier(self) -> frozenset[int]:
        """Numbers of the trials that ended under a release with an earlier format."""
        old = (n for n, t in self._untold.items() if t.ending is None)
        return frozenset(n for n in old if self._untold[n].state is not TrialState.RUNNING)

    @classmethod
    def create(
        cls, place: Place, name: str, genes: Sequence[Gene], metadata: Mapping[str, Any]
    ) -> Ledger:
        """A new ledger, open for writing.

        ``place`` is the path of a journal file or an Optuna storage URL; ``metadata`` holds plain
        JSON types (seed, versions, ...).

        Raises:
            UserError: a ledger is already there, or nothing can be written there.
        """

        listed = [[gene.name, gene.radix] for gene in genes]

        def fill(storage: BaseStorage) -> None:
            study_id = _create_study(storage, name)
            for key, value in zip(_MADE_OF, (listed, dict(metadata), FORMAT), strict=True):
                storage.set_study_user_attr(study_id, key, value)

        return cls._of(create_store(place, fill), name)

    @classmethod
    def open(cls, place: Place, name: str | None = None, read_only: bool = False) -> Ledger:
        """An existing ledger. ``name`` is needed only where a storage holds several studies.

        A writer drops the last line where a kill or a power cut left it damaged: see ``dropped``.
        A reader changes and locks nothing, and may read while another process writes.

        Raises:
            NoLedgerError: nothing there, or no run of this name.
            UserError: not a ledger, damaged, or being written by another process.
        """
        return cls._of(open_store(place, read_only), name)

    @classmethod
    def _of(cls, store: Store, name: str | None) -> Ledger:
        try:
            with database.errors(store.label, UserError):
                return cls(store, _find_study(store, name))
        except BaseException as error:
            store.close()
            if isinstance(error, _BROKEN) and not isinstance(error, UserError):
                raise UserError(
                    f"{store.label}: the ledger is damaged ({error}); restore it from a copy or"
                    " start another run"
                ) from None
            raise

    def start(
        self, name: str, kind: Kind, backbone: Backbone, key: str, genotype: Genotype | None
    ) -> Trial:
        """Record a trial before it is sent out; it is on disk when this returns.

        Raises:
            ValueError: if the genotype lies outside the ledger's genes.
        """
        self._check_writable()
        if genotype is not None:
            genes.check(self.genes, genotype)
        after = order.next_ending(self._trials)
        template = create_trial(
            state=OptunaState.RUNNING,
            user_attrs=record.started(name, kind, backbone, key, genotype, after),
        )
        with self._store.guarded():
            trial_id = self._storage.create_new_trial(self._study_id, template_trial=template)
            return self._take(trial_id)

    def stop(self, number: int, measurement: Measurement) -> Trial:
        """Record the last measurement of a trial that was cut short.

        Raises:
            ValueError: the trial is not running, or its score is missing or not finite.
        """
        if measurement.score is None or not math.isfinite(measurement.score):
            raise ValueError(f"trial {number}: score must be finite but got {measurement.score}")
        return self._end(
            number, OptunaState.PRUNED, measurement.score, record.measured(measurement)
        )

    def finish(self, number: int, measurement: Measurement) -> Trial:
        """Record what scoring returned: complete with a score, infeasible with a failure.

        Raises:
            ValueError: the trial is not running; or no failure and a score that is missing, or
                figures that are not finite.
        """
        failure = measurement.failure
        if failure is not None:
            return self._end(number, OptunaState.FAIL, None, record.measured(measurement))
        score = _check_score(number, measurement)
        return self._end(number, OptunaState.COMPLETE, score, record.measured(measurement))

    def set_back(self, number: int, setback: Setback) -> Trial:
        """Record why a running trial is to be run again. ValueError if it is not running."""
        self._check_writable()
        self._check_running(number)
        attributes = record.set_back(self._trials[number].setbacks, setback)
        with self._store.guarded():
            trial_id = self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)
            for name, attribute in attributes.items():
                self._storage.set_trial_user_attr(trial_id, name, attribute)
            return self._take(trial_id)

    def attach(self, number: int, file: Path, folder: Path) -> None:
        """Copy a file into ``folder`` as an Optuna artifact of a running trial, once by its name.

        Raises:
            ValueError: the trial is not running; Optuna gives an ended one no artifact.
            OSError: the folder cannot be written.
        """
        self._check_writable()
        self._check_running(number)
        folder.mkdir(parents=True, exist_ok=True)
        with self._store.guarded():
            trial_id = self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)
            frozen = self._storage.get_trial(trial_id)
            known = get_all_artifact_meta(frozen, storage=self._storage)
            if file.name not in {each.filename for each in known}:
                upload_artifact(
                    artifact_store=FileSystemArtifactStore(folder),
                    file_path=str(file),
                    study_or_trial=frozen,
                    storage=self._storage,
                )

    def fail(self, number: int, error: str) -> Trial:
        """Record that the infrastructure gave up on a trial. ValueError if it is not running."""
        return self._end(number, OptunaState.FAIL, None, record.failed(error))

    def trials(self) -> list[Trial]:
        """All trials in number order. Only what is new since the last call is read."""
        if not self._writable:
            self._refresh()
        return list(self._trials)

    def __len__(self) -> int:
        """How many trials there are; the number of the next one."""
        return len(self._trials)

    def close(self) -> None:
        """Let another process write. Reading still works; writing is over."""
        self._writable = False
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _end(
        self, number: int, state: OptunaState, value: float | None, attributes: dict[str, Any]
    ) -> Trial:
        self._check_writable()
        self._check_running(number)
        with self._store.guarded():
            return self._write_end(number, state, value, attributes)

    def _write_end(
        self, number: int, state: OptunaState, value: float | None, attributes: dict[str, Any]
    ) -> Trial:
        trial_id = self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)
        # A writer killed in the midst of this may have left some of another outcome.
        left = self._storage.get_trial(trial_id).user_attrs
        attributes = {name: None for name in record.OUTCOME if name in left} | attributes
        attributes |= record.ended(order.next_ending(self._trials))
        with self._store.one_write():
            for name, attribute in attributes.items():
                self._storage.set_trial_user_attr(trial_id, name, attribute)
            # Last: this is what commits.
            self._storage.set_trial_state_values(
                trial_id, state, values=None if value is None else [value]
            )
        return self._take(trial_id)

    def _check_running(self, number: int) -> None:
        if not 0 <= number < len(self._trials):
            raise ValueError(f"trial {number} was never started")
        if self._trials[number].state is not TrialState.RUNNING:
            raise ValueError(f"trial {number} has already ended")

    def _check_writable(self) -> None:
        if not self._writable:
            raise PermissionError(f"{self._store.label}: not open for writing")

    def _upgrade(self, found: str) -> None:
        """What is added from now on, a program that knows an earlier format would not read."""
        if found != FORMAT:
            self._storage.set_study_user_attr(self._study_id, "format", FORMAT)

    def _refresh(self) -> None:
        """Read what is new, and what was running."""
        known = self._trials
        found = [
            self._read(frozen)
            for place, frozen in enumerate(self._storage.get_all_trials(self._study_id, False))
            if place >= len(known) or known[place].state is TrialState.RUNNING
        ]
        self._enter(found)

    def _take(self, trial_id: int) -> Trial:
        """Into the books, as it was written."""
        trial = self._read(self._storage.get_trial(trial_id))
        self._enter([trial])
        return self._trials[trial.number]

    def _enter(self, found: Sequence[Trial]) -> None:
        """Into the books, in the order of numbers."""
        for trial in found:
            self._trials[trial.number : trial.number + 1] = [trial]
        if untold := {trial.number: trial for trial in found if not order.is_told(trial)}:
            self._untold |= untold
            self._place_untold()

    def _place_untold(self) -> None:
        old = self._untold
        known = [*old.values(), *(trial for trial in self._trials if trial.number not in old)]
        taken = [trial.ending for trial in known if trial.ending is not None]
        for trial in order.by_times(old.values(), taken):
            self._trials[trial.number] = trial

    def _read(self, frozen: FrozenTrial) -> Trial:
        try:
            return record.read(frozen, self.genes)
        except _BROKEN as error:
            raise UserError(
                f"{self._store.label}: trial {frozen.number} is not one of ours ({error});"
                " remove it or start another run"
            ) from None


def _create_study(storage: BaseStorage, name: str) -> int:
    try:
        return storage.create_new_study([StudyDirection.MAXIMIZE], name)
    except DuplicatedStudyError:
        study_id = storage.get_study_id_from_name(name)
        if _half_made(storage, study_id):
            return study_id
        raise UserError(
            f"{name}: a run of this name is already in the storage; resume it or choose another"
        ) from None


def _half_made(storage: BaseStorage, study_id: int) -> bool:
    """Whether a kill in the midst of making a ledger left this."""
    attributes = storage.get_study_user_attrs(study_id)
    return "format" not in attributes and not storage.get_n_trials(study_id)


def _find_study(store: Store, name: str | None) -> int:
    names = [study.study_name for study in store.storage.get_all_studies()]
    if name is None and len(names) == 1:
        name = names[0]
    if name not in names:
        listed = ", ".join(names) or "none"
        wanted = f"no run named {name!r}" if name else "which run? give its name"
        kind = NoLedgerError if name else UserError
        raise kind(f"{store.label}: {wanted} (there: {listed})")
    study_id = store.storage.get_study_id_from_name(name)
    found = store.storage.get_study_user_attrs(study_id).get("format")
    if found not in READABLE:
        raise UserError(
            f"{store.label}: study {name} is not a ledger of this program"
            f" (format {found!r}, expected {FORMAT!r})"
        )
    return study_id


def _check_score(number: int, measurement: Measurement) -> float:
    """What it came to, by the mIoU where no score is said."""
    score = measurement.miou if measurement.score is None else measurement.score
    for name, value in (("mIoU", measurement.miou), ("loss", measurement.loss)):
        if value is not None and not math.isfinite(value):
            raise ValueError(f"trial {number}: {name} must be finite but got {value}")
    if score is None or not math.isfinite(score):
        raise ValueError(f"trial {number}: the score must be finite but got {score}")
    return score
