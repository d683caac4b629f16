"""Resumes a run, under its own config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from nas import config as configs
from nas.runs import data_identity, encoder_identity, settings_identity, teacher_identity
from nas.config import Config
from nas.settings.words import shown
from nas.runs.inside import check_permitted, check_writable
from nas.runs.directory import RunDirectory, placed
from search_space.errors import UserError
from search_space.files import at_home


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
    run = RunDirectory.open(path)
    if source is not None:
        _check_same(run.config(), source, settings)
    config = changed(run, settings, (*allowed, *teacher_identity.MOVABLE), console)
    teacher_identity.hold(run, config)
    run.write_config(config)
    return run, config


def _check_same(kept: Config, source: str, settings: Sequence[str]) -> None:
    """A command line that is repeated may name its config, or its images, once more. UserError
    where what that says is not what the run keeps."""
    said = f"--resume uses the run's own config; leave {source} out"
    if Path(source).is_dir():
        root = kept.data.root
        if root is None or root.resolve() != at_home(Path(source)).resolve():
            raise UserError(f"{said}: the run's images are in {root}")
        return
    again = placed(configs.load(source, settings)).model_dump(exclude_unset=True)
    for name, ours, theirs in _pairs(again, kept.model_dump()):
        if ours != theirs:
            raise UserError(f"{said}: it says {name}: {shown(ours)}, and the run {shown(theirs)}")


def _pairs(
    values: Mapping[str, Any], kept: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Key with dots -> its value, and the kept one. A run's budget and engine may change."""
    for key, value in values.items():
        name, there = f"{prefix}{key}", kept.get(key)
        if isinstance(value, Mapping) and isinstance(there, Mapping) and there:
            yield from _pairs(value, there, f"{name}.")
        elif not name.startswith(("budget.", "engine.")):
            yield name, value, there


def changed(
    run: RunDirectory, settings: Sequence[str], allowed: tuple[str, ...], console: Console
) -> Config:
    """A run's config with such settings changed, of which nothing is written down but where its
    data and the weights of its encoder lie.

    Raises:
        UserError: for a setting that a run keeps, also where somebody edited its config; data or
            weights that are not those that it began with, a link that leads out of the run, or a
            folder of it that may not be written.
    """
    check_permitted(run.path)
    check_writable(run.path)
    kept = run.config()
    settings_identity.check(run.path, kept)
    movable: tuple[str, ...] = data_identity.MOVABLE
    if kept.space.encoder_weights is not None:
        movable += encoder_identity.MOVABLE
    config = placed(configs.with_settings(kept, settings, tuple(dict.fromkeys((*allowed, *movable)))))
    data_identity.hold(run, config, console)
    encoder_identity.hold(run, config)
    _write_moved(run, kept, config)
    return config


def _write_moved(run: RunDirectory, kept: Config, config: Config) -> None:
    """Where the data and the weights of an encoder lie by now."""
    lie = {name: getattr(config.data, name) for name in ("root", "unlabelled")}
    data = kept.data.model_copy(update=lie)
    weights = {"encoder_weights": config.space.encoder_weights}
    space = kept.space.model_copy(update=weights)
    if (data, space) != (kept.data, kept.space):
        run.write_config(kept.model_copy(update={"data": data, "space": space}))
