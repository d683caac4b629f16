"""Going on with a run that is there, under its own config."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nas import config as configs
from nas.config import Config
from nas.run import RunDirectory
from search_space.errors import UserError


def resumed(
    source: str | None, path: Path | None, settings: Sequence[str], allowed: tuple[str, ...]
) -> tuple[RunDirectory, Config]:
    """The run and its config, with those settings changed that begin with one of ``allowed``.

    Raises:
        UserError: without a run, with another config, or for a setting that a run keeps.
    """
    if path is None:
        raise UserError("--resume needs --run DIR, the run to go on with")
    if source is not None:
        raise UserError(f"--resume goes on with the run's own config; leave {source} out")
    run = RunDirectory.open(path)
    config = configs.with_settings(run.config(), settings, allowed)
    run.write_config(config)
    return run, config
