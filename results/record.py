"""How a trial is stored in an Optuna trial: written in format 3, read in formats 1 to 3.

A ledger grows by every byte of this for every trial, so each half of a trial is little: what it is
when it starts (genotype and spec), what came of it when it ends, in one attribute. Format 1 kept
every gene as an Optuna parameter with its distribution, the spec as an architecture file keeps it,
and an attribute for each field of the measurement. Format 3 is format 2 with counts that tell the
order in which trials ended. A ledger of an earlier format that is resumed holds trials of both, and
a trial begun in one may end in the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from proxy_tasks.objectives import Measured, kept
from proxy_tasks.task import Measurement
from results.trial import Kind, Setback, Trial, TrialState
from search_space import architecture_file
from search_space.architecture import (
    ATTRIBUTES,
    NETWORK_ATTRIBUTES,
    Architecture,
    Block,
    stated,
    stated_of_network,
)
from search_space.backbone import Backbone
from search_space.genes import Gene, Genotype
from search_space.printable import one_line

FORMAT = "spinenet-seg-ledger/3"
READABLE = (FORMAT, "spinenet-seg-ledger/2", "spinenet-seg-ledger/1")

_MEASURED = tuple(field.name for field in fields(Measurement))
OUTCOME = ("measurement", "error", "reason", *_MEASURED)
"""The attributes of what came of a trial, in any format."""

_LATER = frozenset(each.name for each in ATTRIBUTES if not each.original)
_BLOCK = [each.name for each in fields(Block) if each.name not in (*_LATER, "output")]
_STEM = [name for name in _BLOCK if name != "inputs"]
"""What the row of a block holds, in this order. True follows where it is an output, and a mapping
where later attributes do not have their default."""


def started(
    name: str, kind: Kind, backbone: Backbone, key: str, genotype: Genotype | None, after: int
) -> dict[str, Any]:
    """The attributes of a trial that is sent out after so many have ended."""
    known = {"kind": kind, "name": name, "key": key, "spec": _packed(backbone), "after": after}
    return known if genotype is None else known | {"genotype": [int(gene) for gene in genotype]}


def measured(measurement: Measurement) -> dict[str, Any]:
    """The attribute of a trial with a measurement. Scores and losses are kept to the last bit;
    wall time to the millisecond, what was measured of the network to six digits, the IoU of a class
    to six decimals."""
    few = {name: _six_digits(measurement.figure(name)) for name, _ in kept(Measured)}
    plain = measurement.with_figures(few).to_dict()
    plain["seconds"] = round(measurement.seconds, 3)
    plain["class_iou"] = [_finite(v if v is None else round(v, 6)) for v in measurement.class_iou]
    plain["curve"] = [_finite(value) for value in measurement.curve]
    if figures := plain.pop("figures", None):
        plain["figures"] = {n: v for n, v in figures.items() if _finite(v) is not None}
    known = {name: v for name, v in plain.items() if _finite(v) not in (None, [], {})}
    return {"measurement": known}


def _six_digits(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


def set_back(before: Sequence[Setback], setback: Setback) -> dict[str, Any]:
    """The attribute of a trial that is run again, once more than ``before``."""
    return {"setbacks": [[each.kind, each.error] for each in (*before, setback)]}


def failed(error: str) -> dict[str, Any]:
    """The attribute of a trial that the infrastructure gave up on."""
    return {"error": error}


def ended(ending: int) -> dict[str, Any]:
    """The attribute of a trial that ends after so many others."""
    return {"ending": ending}


def read(frozen: FrozenTrial, genes: Sequence[Gene]) -> Trial:
    """The trial that an Optuna trial records, in any format.

    Raises:
        KeyError, TypeError, ValueError: where it records none.
    """
    attributes = frozen.user_attrs
    state = _state(frozen)
    ended = state in (TrialState.COMPLETE, TrialState.STOPPED, TrialState.INFEASIBLE)
    return Trial(
        number=frozen.number,
        name=one_line(attributes["name"]),
        kind=attributes["kind"],
        backbone=_unpacked(attributes["spec"]),
        key=attributes["key"],
        genotype=_genotype(frozen, genes),
        state=state,
        measurement=Measurement.from_dict(_measurement(attributes)) if ended else None,
        error=attributes.get("error"),
        started=_aware(frozen.datetime_start),
        finished=_aware(frozen.datetime_complete),
        setbacks=tuple(Setback(*each) for each in attributes.get("setbacks", ())),
        after=attributes.get("after"),
        ending=None if state is TrialState.RUNNING else attributes.get("ending"),
    )


def _packed(backbone: Backbone) -> dict[str, Any]:
    """A row a block, whose id is its place; a ResNet, and what stands on an encoder, as its
    architecture file has it."""
    if not isinstance(backbone, Architecture) or backbone.encoder:
        return architecture_file.to_dict(backbone)
    return {
        "output_levels": [int(level) for level in backbone.output_levels],
        **stated_of_network(backbone),
        "stem": [_row(block) for block in backbone.stem],
        "blocks": [_row(block) for block in backbone.blocks],
    }


def _row(block: Block) -> list[Any]:
    said = stated(block)
    row = [list(v) if name == "inputs" else v for name, v in said.items() if name not in _LATER]
    later = {name: value for name, value in said.items() if name in _LATER}
    return [*row, later] if later else row


def _unpacked(values: Mapping[str, Any]) -> Backbone:
    if "format" in values:
        return architecture_file.from_dict(values)
    return Architecture(
        tuple(_block(row, _STEM) for row in values["stem"]),
        tuple(_block(row, _BLOCK) for row in values["blocks"]),
        tuple(values["output_levels"]),
        **{each.name: values[each.name] for each in NETWORK_ATTRIBUTES if each.name in values},
    )


def _block(row: Sequence[Any], names: Sequence[str]) -> Block:
    said = dict(zip(names, row[: len(names)], strict=True))
    for more in row[len(names) :]:
        said |= more if isinstance(more, dict) else {"output": more}
    return Block(**said | {"inputs": tuple(said.get("inputs", ()))})


def _genotype(frozen: FrozenTrial, genes: Sequence[Gene]) -> Genotype | None:
    if (kept := frozen.user_attrs.get("genotype")) is not None:
        return tuple(kept)
    return tuple(frozen.params[gene.name] for gene in genes) if frozen.params else None


def _measurement(attributes: Mapping[str, Any]) -> dict[str, Any]:
    if (kept := attributes.get("measurement")) is not None:
        return dict(kept)
    found = {name: attributes.get(name) for name in _MEASURED}
    return {name: value for name, value in found.items() if value is not None}


def _state(frozen: FrozenTrial) -> TrialState:
    if frozen.state is OptunaState.FAIL:
        return _failure(frozen.user_attrs)
    if frozen.state is OptunaState.COMPLETE:
        return TrialState.COMPLETE
    if frozen.state is OptunaState.PRUNED:
        return TrialState.STOPPED
    if frozen.state is OptunaState.RUNNING:
        return TrialState.RUNNING
    raise ValueError(f"state {frozen.state.name.lower()}")


def _failure(attributes: Mapping[str, Any]) -> TrialState:
    if (reason := attributes.get("reason")) is not None:
        return TrialState(reason)
    if attributes.get("measurement") is not None:
        return TrialState.INFEASIBLE
    if attributes.get("error") is not None:
        return TrialState.FAILED
    raise ValueError("it failed without a reason")


def _finite(value: Any) -> Any:
    # NaN and infinity are no JSON: other tools could not read the ledger.
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _aware(moment: datetime | None) -> datetime | None:
    # Optuna keeps local time without its zone.
    return None if moment is None else moment.astimezone()
