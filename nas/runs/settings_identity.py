"""What the trials of a run are proposed and scored by: ``settings.json``, as the run began, against
which a ``config.yaml`` that somebody edited is held.

The data have an identity of their own (nas.runs.data_identity), and so have a teacher and the
weights of an encoder, wherever they lie.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from nas.config import Config
from search_space.errors import UserError
from search_space.fields import short
from search_space.files import replacing

FILE = "settings.json"
FORMAT = "spinenet-seg-settings/1"
_SECTIONS = ("seed", "space", "constraints", "controller", "proxy", "finals", "baselines")


def write(folder: Path, config: Config) -> None:
    """Once: nothing of it changes later. OSError where it cannot be written."""
    file = folder / FILE
    if not file.exists():
        known = {"format": FORMAT, "settings": _of(config)}
        with replacing(file) as draft:
            draft.write_text(json.dumps(known, indent=2) + "\n", "utf-8")


def load(folder: Path) -> Mapping[str, Any] | None:
    """None of a run that an earlier release began. UserError for a damaged file."""
    file = folder / FILE
    try:
        known = json.loads(file.read_text("utf-8"))
        if known["format"] != FORMAT:
            raise ValueError(f"format {short(known['format'])}")
        return dict(known["settings"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{file}: damaged ({reason}); put it back from a copy of the run") from error


def check(folder: Path, config: Config) -> None:
    """UserError where the config would propose or score trials by other values than the run began
    with, naming the first of them. Keys that the record does not have came with a later release."""
    if (kept := load(folder)) is None:
        return
    now = _of(config)
    for path, leaf in _leaves(kept):
        key, value = _found(path, now, leaf)
        _, before = _found(key, kept, leaf)
        if value != before:
            raise UserError(
                f"{folder / 'config.yaml'}: {key} is {json.dumps(value)}, but the run began with"
                f" {json.dumps(before)}: put that back, or start another run with the changed file"
            )


def _of(config: Config) -> dict[str, Any]:
    values = config.model_dump(mode="json", include=set(_SECTIONS))
    values["space"].pop("encoder_weights", None)
    values["constraints"].pop("latency_table", None)
    values["constraints"].setdefault("latency_size", None)
    if teacher := values["proxy"]["teacher"]:
        del teacher["from"]
    return values


def _found(path: str, values: Mapping[str, Any], known: Any) -> tuple[str, Any]:
    """What stands at a path, or at the part of it behind which there is no section any more; a key
    that is not ``known`` to this release counts as unchanged."""
    here: Any = values
    done: list[str] = []
    for name in path.split("."):
        if not isinstance(here, Mapping):
            break
        if name not in here:
            return path, known
        here = here[name]
        done.append(name)
    return ".".join(done), here


def _leaves(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """With the path of each in dots."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
