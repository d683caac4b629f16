"""From a preset or a file, and settings over it, to a config."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from nas.config.merging import merged, with_set
from nas.config.sources import DEMONSTRATION, chain, read
from nas.config.whole import Config
from nas.settings.messages import first_line
from nas.settings.words import shortened
from search_space.errors import UserError


def load(source: str, settings: Sequence[str] = ()) -> Config:
    """The config of a preset or a file, with ``KEY=VALUE`` settings over it.

    A file may begin from a preset or from another file with ``extends: NAME``.

    Raises:
        UserError: naming the source, the key, and what may stand there.
    """
    return parse(raw(source, settings), source)


def load_to_train(source: str, settings: Sequence[str] = ()) -> Config:
    """As ``load``, for what trains: sizes and lengths that were chosen for the demonstration's
    scenes are refused for other data.

    Raises:
        UserError: as ``load``, and where real data have no trainings of their own.
    """
    values = raw(source, settings)
    config = parse(values, source)
    if config.data.name != "scenes":
        refuse_demonstration(source)
        if missing := unplanned(values):
            raise _no_plan(source, missing)
    return config


def refuse_demonstration(source: str) -> None:
    """UserError for a preset or a file that begins from the demonstration's settings: no data but
    its own scenes are trained on with them."""
    if DEMONSTRATION in chain(source):
        raise _no_plan(source, f"how to train on more than the scenes of {DEMONSTRATION}")


def _no_plan(source: str, missing: str) -> UserError:
    return UserError(
        f"{source}: does not say {missing}; a plan does: run nas search --data DIR --hours H,"
        " or nas plan DIR -o mine.yaml to edit the plan first"
    )


def unplanned(values: dict[str, Any]) -> str | None:
    """What a config does not say of its own of how to train on real data, None where nothing is
    missing: the defaults are small, for the demonstration."""
    missing = [
        f"{section}.{key}"
        for section in ("proxy", "promotion")
        for key in ("size", "epochs")
        if key not in (values.get(section) or {})
    ]
    return " and ".join(missing) or None


def raw(source: str, settings: Sequence[str] = ()) -> dict[str, Any]:
    """The values of a preset or a file with settings over them, before they are validated."""
    return with_set(read(source), settings)


def over(values: dict[str, Any], other: dict[str, Any], settings: Sequence[str]) -> dict[str, Any]:
    """``values`` with another config's and with settings over them."""
    return with_set(merged(values, other), settings)


def with_settings(config: Config, settings: Sequence[str], allowed: tuple[str, ...]) -> Config:
    """A run's config with some values changed; only keys that begin with one of ``allowed``. Others
    may be said again, as they are.

    Raises:
        UserError: for another key, or a value that does not fit.
    """
    kept = config.model_dump(mode="json")
    for setting in settings:
        if not setting.startswith(allowed) and parse(with_set(kept, [setting]), "--set") != config:
            keys = " or ".join(f"{key}KEY" if key.endswith(".") else key for key in allowed)
            raise UserError(
                f"--set {shortened(setting)}: a run keeps its config; only {keys} may change"
            )
    values = with_set(kept, settings)
    return parse(values, "--set" if settings else "config")


def parse(values: Any, source: str) -> Config:
    """Validate plain values. UserError names ``source`` and the first wrong key."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise UserError(f"{source}: {first_line(error, Config)}") from None
