"""``nas plan`` from its options to a config: read, measure, decide."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from nas import config as configs
from nas.config import Config, SpaceConfig
from nas.failures import RunFailed
from nas.parts import machines
from nas.planning import machine, source, text
from nas.planning.decision import Plan
from nas.planning.latency import Budget, subjects
from nas.planning.machine import Machine
from nas.planning.planner import planned
from nas.planning.seeing import seeing
from nas.planning.start import start
from nas.prediction import encoder_source
from nas.searching import latency
from nas.terminal.reading import measured as fingerprinted
from proxy_tasks import processor
from proxy_tasks.datasets import PARTS, Dataset
from proxy_tasks.datasets.cache import FINGERPRINTS
from proxy_tasks.datasets.traits import Fingerprint
from results.units import counted
from search_space.architecture_file import from_dict
from search_space.encoder_file import from_value
from search_space.encoders import ENCODERS, EncoderSpec
from search_space.errors import UserError
from search_space.files import at_home, check_temporary, replacing
from search_space.latency import LatencyModel, LatencyTable, load

MEASURING = 30.0
"""Seconds that measuring the machine takes, about."""
HOURS = 1.0
"""The default of ``--hours``."""
_LEFT = ("seed", "data", "space", "constraints", "controller", "proxy", "finals", "promotion",
         "budget", "baselines", "engine", "plan")  # fmt: skip
"""Sections that a plan's file shows, in this order."""


@dataclass(frozen=True)
class Made:
    """A plan, the config that follows, and the config as a file with its reasons."""

    plan: Plan
    config: Config
    text: str
    table: LatencyTable | None = None
    """What latencies are predicted from, where they are limited."""


def make(
    data: dict[str, Any],
    hours: float,
    settings: Sequence[str],
    console: Console,
    table_file: Path | None = None,
) -> Made:
    """A plan for the data of a config. The config's other values, and the settings, override the
    plan's own. A latency table that is measured for it will lie in ``table_file``.

    Raises:
        UserError: for data that cannot be read or settings that do not fit.
        RunFailed: where something is wrong with the data: all of it is printed.
    """
    started = time.monotonic()
    if not hours > 0:
        raise UserError(f"--hours {hours:g}: must be above 0")
    base = encoder_source.described(configs.parse(configs.over({}, data, settings), "plan"))
    if base.data.name == "scenes":
        raise UserError("plan: is for your own images; `nas search` alone runs the built-in scenes")
    check_temporary()
    found = source.opened(base)
    fingerprint = _fingerprint(found.dataset, base.data.cache, console)
    there = machine.machine(base.engine.device, _workers(base))
    wanted = _encoder(configs.over({}, data, settings).get("space", {}), base)
    budget = _budget(base, fingerprint, there, wanted, console)
    with console.status("measuring how fast this machine trains"):
        made = planned(
            fingerprint,
            there,
            processor.cores(),
            hours,
            3600 * hours - (time.monotonic() - started) - MEASURING,
            found.validation,
            found.folds,
            lambda wanted: machine.pace(wanted, there),
            wanted,
            budget,
        )
    values = made.plan.values() | {"plan": made.kept}
    told = found.config.data.model_dump(mode="json", exclude_defaults=True)
    told["root"] = str(at_home(Path(told["root"])).resolve())
    first = {"data": {name: told[name] for name in ("name", "root")}}
    values = configs.over(first, configs.over(values, data | {"data": told}, settings), ())
    values["data"]["root"] = told["root"]
    _reconcile(values, settings)
    if budget and table_file and base.constraints.latency_table is None:
        values["constraints"]["latency_table"] = str(table_file.absolute())
    config = encoder_source.described(configs.parse(values, "plan"))
    table = budget.model.table if budget else None
    return Made(made.plan, config, _text(values, made.plan, hours), table)


def _budget(
    base: Config,
    found: Fingerprint,
    there: Machine,
    wanted: EncoderSpec | str | None,
    console: Console,
) -> Budget | None:
    """Of latency, with a table that is given or measured now. UserError where neither can be."""
    limits = base.constraints
    if limits.exported_ms is None:
        return None
    if limits.latency_table is not None:
        return Budget(limits.exported_ms, LatencyModel(load(limits.latency_table.expanduser())))
    seen, begun = seeing(found, there.device), start(found, wanted)
    named = begun.values.get("space.encoder")
    encoder = from_value(named, from_dict) if named else None
    section = base.space.model_dump() | ({"encoder": named} if named else {})
    space = SpaceConfig.model_validate(section).whole()
    networks = subjects(space, found, seen, encoder)
    return Budget(limits.exported_ms, LatencyModel(latency.measured(networks, console)))


def show(made: Made, hours: float, console: Console) -> None:
    """Before anything starts."""
    data = made.config.data
    kept = made.config.plan
    assert kept is not None  # a plan has it
    workers = counted(kept.workers, "worker")
    title = f"plan for {data.root}, {hours:g} h on {kept.machine}, {workers}"
    text.show(made.plan, title, console)


def _reconcile(values: dict[str, Any], settings: Sequence[str]) -> None:
    """A size that the user set overrides the plan's turns: only square crops can be turned."""
    for name in ("proxy", "promotion"):
        height, width = values[name]["size"]
        if height != width and not any(s.startswith(f"{name}.recipe.turn=") for s in settings):
            values[name]["recipe"].pop("turn", None)


def _encoder(space: Mapping[str, Any], config: Config) -> EncoderSpec | str | None:
    """The encoder of a config's own ``space``, empty for none; None if it does not say."""
    if "encoder" in space:
        spec = config.space.encoder_spec
        return "" if spec is None else spec.name if spec.name in ENCODERS else spec
    return "" if {"stages", "max_level"} & set(space) else None


def _workers(config: Config) -> int:
    return machines.resources(config.engine).workers


def _fingerprint(dataset: Dataset, cache: Path, console: Console) -> Fingerprint:
    """From the cache where the same data were read before. Notes are printed; faults end the
    plan."""
    known = [dataset.classes, [dataset.fingerprint(part) for part in PARTS], dataset.folds]
    name = hashlib.sha256(json.dumps(known).encode()).hexdigest()[:16]
    path = at_home(cache, "data.cache") / FINGERPRINTS / f"{name}.json"
    try:
        found = Fingerprint.from_dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, UserError):
        found = fingerprinted(dataset, console)
    for kind, lines in (("note", found.notes), ("wrong", found.wrong)):
        for line in lines:
            console.print(f"{kind:5}  {line}", markup=False, highlight=False, soft_wrap=True)
    if found.wrong:
        raise RunFailed(f"{dataset.name}: the data have the faults above; correct them first")
    with suppress(OSError):  # it is measured again next time
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as draft:
            draft.write_text(json.dumps(found.to_dict()), "utf-8")
    return found


def _text(values: dict[str, Any], plan: Plan, hours: float) -> str:
    shown = {name: values[name] for name in _LEFT if name in values}
    heading = (
        f"A plan for {hours:g} hours: `nas search THIS_FILE` runs it. You may change every value;"
        " the comment above it gives its reason."
    )
    return text.to_yaml(shown, plan, heading)
