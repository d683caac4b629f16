"""The latency table of a search: given, or measured before anything is trained; kept in its run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from rich.console import Console

from nas.config import Config
from nas.parts import baselines, build
from nas.runs.directory import RunDirectory
from proxy_tasks.objectives import EXPORTED_LATENCY, OBJECTIVES
from results import units
from results.latency import measure
from results.latency.measure import Subject
from results.latency.sample import of_space
from search_space.backbone import Backbone
from search_space.latency import LatencyTable, load

SECONDS = 60.0
"""Of measuring a table."""


@contextmanager
def held(
    config: Config,
    run: RunDirectory | None,
    planned: LatencyTable | None,
    console: Console,
) -> Iterator[Config]:
    """The config with the file of its table: of a new run that of its plan, or one that is given or
    measured now; of an old one its own."""
    found = None if run is not None else planned or table(config, console)
    if found is None:
        yield config
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "latency.csv"
        found.save(file)
        yield with_table(config, file)


def table(config: Config, console: Console) -> LatencyTable | None:
    """What the config's latency is predicted from; None where it limits none.

    Raises:
        UserError: for a file that is no table, or where nothing can be measured.
    """
    limits = config.constraints
    if limits.exported_ms is None:
        if limits.latency is not None:
            console.print(
                f"note: constraints.latency {limits.latency:g} has no unit: it is seconds in"
                " PyTorch, beside other trainings; write it as 10ms to limit the exported network's"
            )
        return None
    if limits.latency_table is not None:
        return load(limits.latency_table.expanduser())
    built = build.fidelity(config.promotion, config.data)
    classes = len(build.dataset(config, built.size).classes)
    size = limits.latency_size or built.size
    known = (*baselines.rivals(config), *baselines.baselines(config))
    first = (Subject(each.backbone, built.scale, classes, size) for each in known)
    drawn = of_space(config.space.whole(), [built.scale], classes, size)
    return measured(chain(first, drawn), console)


def measured(subjects: Iterator[Subject], console: Console) -> LatencyTable:
    """Of networks of the search, on this machine, before anything is trained on it."""
    measure.check()
    with console.status("measuring how long exported networks take"):
        found = measure.measured(subjects, SECONDS)
    console.print(
        f"measured {len(found.rows):,} operators in {found.measured.runtime} for"
        f" {units.duration(SECONDS)}: latencies are predicted from these",
        markup=False,
        highlight=False,
    )
    return found


def with_table(config: Config, file: Path) -> Config:
    """With the table in this file."""
    limits = config.constraints.model_copy(update={"latency_table": file})
    return config.model_copy(update={"constraints": limits})


def figures(config: Config) -> Callable[[Backbone], Mapping[str, float]]:
    """What is predicted of a network as it would be promoted, in plain units; nothing where the
    run has no table."""
    if config.constraints.exported_ms is None:
        return lambda backbone: {}
    predicted, factor = build.latency_of(config), OBJECTIVES[EXPORTED_LATENCY].unit.factor
    return lambda backbone: {EXPORTED_LATENCY: predicted(backbone) / factor}
