"""Resumes a run, under its own config."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from nas import config as configs
from nas.runs import data_identity, teacher_identity
from nas.config import Config
from nas.runs.inside import check_writable
from nas.runs.directory import RunDirectory, placed
from search_space.errors import UserError


def resumed(
    source: str | None,
    path: Path | None,
    settings: Sequence[str],
    allowed: tuple[str, ...],
    console: Console,
) -> tuple[RunDirectory, Config]:
    """The run and its config, with those settings changed that begin with one of ``allowed``; where
    its data and its teacher lie may change too.

    Raises:
        UserError: without a run, with another config, for a setting that a run keeps, or where the
            data or the teacher are not those that it began with.
    """
    if path is None:
        raise UserError("--resume needs --run DIR, the run to continue")
    if source is not None:
        raise UserError(f"--resume uses the run's own config; leave {source} out")
    run = RunDirectory.open(path)
    config = changed(run, settings, (*allowed, *teacher_identity.MOVABLE), console)
    teacher_identity.hold(run, config)
    run.write_config(config)
    return run, config


def changed(
    run: RunDirectory, settings: Sequence[str], allowed: tuple[str, ...], console: Console
) -> Config:
    """A run's config with such settings changed, of which nothing is written down but where its
    data lie.

    Raises:
        UserError: for a setting that a run keeps, data that are not those that it began with, or a
            link that leads out of the run.
    """
    check_writable(run.path)
    kept = run.config()
    may_change = tuple(dict.fromkeys((*allowed, *data_identity.MOVABLE)))
    config = placed(configs.with_settings(kept, settings, may_change))
    data_identity.hold(run, config, console)
    where = {name: getattr(config.data, name) for name in ("root", "unlabelled")}
    moved = kept.data.model_copy(update=where)
    if moved != kept.data:
        run.write_config(kept.model_copy(update={"data": moved}))
    return config
