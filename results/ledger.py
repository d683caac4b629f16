"""The durable record of all trials of a run: an Optuna study with one writer.

A trial is written in full before it is sent out, and finished in one write after it returns, so
that a run survives the death of anything. Optuna's own tools open the same file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from optuna.distributions import IntDistribution
from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as OptunaState

from proxy_tasks.task import Measurement
from results.storage import Place, Store, create_store, database_errors, open_store
from results.trial import Kind, Trial, TrialState
from search_space import architecture_file, genes
from search_space.backbone import Backbone
from search_space.errors import UserError
from search_space.genes import Gene, Genotype

FORMAT = "spinenet-seg-ledger/1"
_MEASURED = tuple(field.name for field in fields(Measurement))
_OUTCOME = (*_MEASURED, "reason", "error")


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
        self._ended: dict[int, Trial] = {}
        self._template: dict[str, Any] = {
            gene.name: IntDistribution(0, gene.radix - 1) for gene in self.genes
        }

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

        def fill(storage: BaseStorage) -> None:
            study_id = _create_study(storage, name, str(place))
            listed = [[gene.name, gene.radix] for gene in genes]
            storage.set_study_user_attr(study_id, "genes", listed)
            storage.set_study_user_attr(study_id, "metadata", dict(metadata))
            storage.set_study_user_attr(study_id, "format", FORMAT)

        store = create_store(place, fill)
        return cls(store, store.storage.get_study_id_from_name(name))

    @classmethod
    def open(cls, place: Place, name: str | None = None, read_only: bool = False) -> Ledger:
        """An existing ledger. ``name`` is needed only where a storage holds several studies.

        A writer cuts off the line that a killed writer left half-written. A reader changes and
        locks nothing, and may read while another process writes.

        Raises:
            UserError: nothing there, not a ledger, damaged, or being written by another process.
        """
        store = open_store(place, read_only)
        try:
            with database_errors(store.label):
                return cls(store, _find_study(store, name))
        except BaseException:
            store.close()
            raise

    def start(
        self, name: str, kind: Kind, backbone: Backbone, key: str, genotype: Genotype | None
    ) -> Trial:
        """Record a trial before it is sent out; it is on disk when this returns.

        Raises:
            ValueError: if the genotype lies outside the ledger's genes.
        """
        self._check_writable()
        params: dict[str, int] = {}
        if genotype is not None:
            genes.check(self.genes, genotype)
            params = {g.name: int(v) for g, v in zip(self.genes, genotype, strict=True)}
        spec = architecture_file.to_dict(backbone)
        template = create_trial(
            state=OptunaState.RUNNING,
            params=params,
            distributions={gene: self._template[gene] for gene in params},
            user_attrs={"kind": kind, "name": name, "key": key, "spec": spec},
        )
        trial_id = self._storage.create_new_trial(self._study_id, template_trial=template)
        return self._read(self._storage.get_trial(trial_id))

    def stop(self, number: int, measurement: Measurement) -> Trial:
        """Record the last measurement of a trial that was cut short.

        Raises:
            ValueError: the trial is not running, or its score is missing or not finite.
        """
        if measurement.score is None or not math.isfinite(measurement.score):
            raise ValueError(f"trial {number}: score must be finite but got {measurement.score}")
        return self._end(number, OptunaState.PRUNED, measurement.score, _attributes(measurement))

    def finish(self, number: int, measurement: Measurement) -> Trial:
        """Record what scoring returned: complete with a mIoU, infeasible with a failure.

        Raises:
            ValueError: the trial is not running; or no failure and a mIoU or loss that is missing
                or not finite.
        """
        failure = measurement.failure
        if failure is not None:
            attributes = {"reason": TrialState.INFEASIBLE.value, **_attributes(measurement)}
            return self._end(number, OptunaState.FAIL, None, attributes)
        _check_score(number, measurement)
        score = measurement.miou if measurement.score is None else measurement.score
        return self._end(number, OptunaState.COMPLETE, score, _attributes(measurement))

    def fail(self, number: int, error: str) -> Trial:
        """Record that the infrastructure gave up on a trial. ValueError if it is not running."""
        attributes = {"reason": TrialState.FAILED.value, "error": error}
        return self._end(number, OptunaState.FAIL, None, attributes)

    def trials(self) -> list[Trial]:
        """All trials in number order. Only what is new since the last call costs time."""
        frozen = self._storage.get_all_trials(self._study_id, deepcopy=False)
        found = (self._ended.get(each.number) or self._read(each) for each in frozen)
        return sorted(found, key=lambda trial: trial.number)

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
        trial_id = self._running(number)
        # A writer killed in the midst of this may have left some of another outcome.
        left = self._storage.get_trial(trial_id).user_attrs
        attributes = {name: None for name in _OUTCOME if name in left} | attributes
        with self._store.one_write():
            for name, attribute in attributes.items():
                self._storage.set_trial_user_attr(trial_id, name, attribute)
            # Last: this is what commits.
            self._storage.set_trial_state_values(
                trial_id, state, values=None if value is None else [value]
            )
        return self._read(self._storage.get_trial(trial_id))

    def _running(self, number: int) -> int:
        try:
            trial_id = self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)
        except KeyError:
            raise ValueError(f"trial {number} was never started") from None
        if self._storage.get_trial(trial_id).state is not OptunaState.RUNNING:
            raise ValueError(f"trial {number} has already ended")
        return trial_id

    def _check_writable(self) -> None:
        if not self._writable:
            raise PermissionError(f"{self._store.label}: not open for writing")

    def _read(self, frozen: FrozenTrial) -> Trial:
        try:
            trial = _to_trial(frozen, self.genes)
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(
                f"{self._store.label}: trial {frozen.number} is not one of ours ({error});"
                " remove it or start another run"
            ) from None
        if trial.state is not TrialState.RUNNING:
            self._ended[trial.number] = trial
        return trial


def _create_study(storage: BaseStorage, name: str, place: str) -> int:
    try:
        return storage.create_new_study([StudyDirection.MAXIMIZE], name)
    except DuplicatedStudyError:
        raise UserError(
            f"{name}: a run of this name is already in the storage; resume it or choose another"
        ) from None


def _find_study(store: Store, name: str | None) -> int:
    names = [study.study_name for study in store.storage.get_all_studies()]
    if name is None and len(names) == 1:
        name = names[0]
    if name not in names:
        listed = ", ".join(names) or "none"
        wanted = f"no run named {name!r}" if name else "which run? give its name"
        raise UserError(f"{store.label}: {wanted} (there: {listed})")
    study_id = store.storage.get_study_id_from_name(name)
    found = store.storage.get_study_user_attrs(study_id).get("format")
    if found != FORMAT:
        raise UserError(
            f"{store.label}: study {name} is not a ledger of this program"
            f" (format {found!r}, expected {FORMAT!r})"
        )
    return study_id


def _check_score(number: int, measurement: Measurement) -> None:
    if measurement.miou is None or not math.isfinite(measurement.miou):
        raise ValueError(f"trial {number}: mIoU must be finite but got {measurement.miou}")
    if measurement.loss is not None and not math.isfinite(measurement.loss):
        raise ValueError(f"trial {number}: loss must be finite but got {measurement.loss}")


def _attributes(measurement: Measurement) -> dict[str, Any]:
    # NaN and infinity are no JSON: other tools could not read the ledger.
    plain = measurement.to_dict()
    for name in ("class_iou", "curve"):
        plain[name] = [_finite(value) for value in plain[name]]
    return {name: value for name, value in plain.items() if _finite(value) is not None}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _to_trial(frozen: FrozenTrial, of: Sequence[Gene]) -> Trial:
    attributes = frozen.user_attrs
    state = _state(frozen)
    measured = {name: attributes.get(name) for name in _MEASURED}
    measured = {name: value for name, value in measured.items() if value is not None}
    ended = state in (TrialState.COMPLETE, TrialState.STOPPED, TrialState.INFEASIBLE)
    return Trial(
        number=frozen.number,
        name=attributes["name"],
        kind=attributes["kind"],
        backbone=architecture_file.from_dict(attributes["spec"]),
        key=attributes["key"],
        genotype=tuple(frozen.params[gene.name] for gene in of) if frozen.params else None,
        state=state,
        measurement=Measurement.from_dict(measured) if ended else None,
        error=attributes.get("error"),
        started=_aware(frozen.datetime_start),
        finished=_aware(frozen.datetime_complete),
    )


def _state(frozen: FrozenTrial) -> TrialState:
    if frozen.state is OptunaState.FAIL:
        return TrialState(frozen.user_attrs["reason"])
    if frozen.state is OptunaState.COMPLETE:
        return TrialState.COMPLETE
    if frozen.state is OptunaState.PRUNED:
        return TrialState.STOPPED
    if frozen.state is OptunaState.RUNNING:
        return TrialState.RUNNING
    raise ValueError(f"state {frozen.state.name.lower()}")


def _aware(moment: datetime | None) -> datetime | None:
    # Optuna keeps local time without its zone.
    return None if moment is None else moment.astimezone()
