"""How a run builds the networks whose specs lie in its folder; its data are not looked at."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from nas.config import Config
from nas.runs.directory import RunDirectory, around
from results.build_options import BuildOptions
from search_space.errors import UserError


def built_as(named: str, asked: BuildOptions) -> BuildOptions:
    """With a run's own scale, crop and number of classes where they were not asked for, if
    ``named`` is a file in its folder: in ``artifacts`` and ``start`` those of the short trainings,
    elsewhere those of the full ones. As it was asked for everything else."""
    file = Path(named)
    run = around(file) if file.is_file() else None
    if run is None:
        return asked
    try:
        config = run.config()
    except UserError:  # a config of something else
        return asked
    short = run.artifacts.resolve() in file.resolve().parents or file in run.starts()
    section, training = ("proxy", config.proxy) if short else ("promotion", config.promotion)
    known: dict[str, Any] = {"scale": training.scale, "size": training.size}
    if count := _classes(run, config):
        known["classes"] = count
    known = {name: value for name, value in known.items() if name not in asked.given}
    if "scale" in known:
        known["scale_name"] = f"{section}.scale of {run.name}"
    given = (*asked.given, *(name for name in known if name != "scale_name"))
    return replace(asked, **known, given=given)


def _classes(run: RunDirectory, config: Config) -> int | None:
    """Of the data that it began with; None where nothing says how many."""
    try:
        return len(json.loads(run.data_file.read_text("utf-8"))["classes"])
    except (OSError, ValueError, KeyError, TypeError):
        return len(config.data.classes) if config.data.classes else None
