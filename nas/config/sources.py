"""Where configs come from: presets, and files that may begin from others."""

from __future__ import annotations

import shlex
from importlib import resources
from os.path import normpath
from pathlib import Path
from typing import Any

from nas.config.merging import merged
from nas.settings.words import shown
from proxy_tasks.datasets.catalogue import CATALOGUE
from search_space import strict_yaml
from search_space.errors import UserError

DEMONSTRATION = "quickstart"
"""The preset whose settings are for the embedded scenes and nothing else."""


def presets() -> tuple[str, ...]:
    """Names of the ready-made configs."""
    folder = resources.files("nas") / "presets"
    return tuple(sorted(Path(p.name).stem for p in folder.iterdir() if p.name.endswith(".yaml")))


def own(source: str) -> dict[str, Any]:
    """The values of a preset or a file, without those that it extends."""
    values = strict_yaml.parse(_text(source), source)
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserError(
            f"{source}: is not a config: must be a mapping of keys to values, not {shown(values)}"
        )
    return values


def read(source: str) -> dict[str, Any]:
    """The values of a preset or a file, over those that it extends. UserError where one cannot be
    read."""
    values: dict[str, Any] = {}
    for each in reversed(chain(source).values()):
        values = merged(values, each)
    return values


def chain(source: str) -> dict[str, dict[str, Any]]:
    """What a preset or a file says itself, and then what each says that it extends, by name.

    Raises:
        UserError: for one that cannot be read, or that extends itself.
    """
    found: dict[str, dict[str, Any]] = {}
    name: str | None = source
    while name is not None:
        if name in found:
            raise UserError(f"{name}: extends itself, through {' -> '.join(found)}")
        values = own(name)
        base = values.pop("extends", None)
        if not isinstance(base, str | None):
            raise UserError(f"{name}: extends must name a preset or a file, not {shown(base)}")
        found[name] = values
        name = base and _beside(base, name)
    return found


def _beside(base: str, name: str) -> str:
    """The file that one extends: seen from the folder of that one first, then from the working
    folder."""
    there = normpath(Path(name).parent / base)
    own = base not in presets() and name not in presets() and Path(there).is_file()
    return there if own else base


def _text(source: str) -> str:
    if source in presets():
        return (resources.files("nas") / "presets" / f"{source}.yaml").read_text("utf-8")
    try:
        return Path(source).read_text("utf-8")
    except FileNotFoundError as error:
        raise UserError(_missing(source)) from error
    except IsADirectoryError as error:
        raise UserError(_folder(source)) from error
    except UnicodeDecodeError as error:
        raise UserError(
            f"{source}: is not a config, as it is not text; give a YAML file"
        ) from error
    except OSError as error:
        raise UserError(f"{source}: cannot be read ({error})") from error


def _missing(source: str) -> str:
    if source in CATALOGUE:
        return (
            f"{source}: is a name of data sets, not a config; give the folder of your images: nas"
            " search --data DIR, or nas plan DIR -o mine.yaml to write a config for it"
        )
    return f"{source}: no such config; give a YAML file or one of {', '.join(presets())}"


def _folder(source: str) -> str:
    """Of images, or of a run."""
    quoted = shlex.quote(source)
    if (Path(source) / "config.yaml").is_file():
        return (
            f"{source}: is the folder of a run; continue it with --run {quoted} --resume, or give"
            f" its config: {shlex.quote(str(Path(source) / 'config.yaml'))}"
        )
    return (
        f"{source}: is a folder, not a config; to search on the images in it: nas search --data"
        f" {quoted}, or nas plan {quoted} -o mine.yaml to write a config for it"
    )
