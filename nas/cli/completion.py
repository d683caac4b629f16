"""What the shell offers when Tab is pressed. Loads nothing heavy: it runs at every press."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def runs(incomplete: str) -> list[str]:
    """Folders that begin so: runs as they are, others with a slash, to be completed further."""
    found = list(_folders(incomplete))
    if len(found) == 1 and found[0].endswith("/") and found[0] != incomplete:
        return list(_folders(found[0])) or found
    return found


def configs(incomplete: str) -> list[str]:
    """Presets and YAML files that begin so."""
    from importlib import resources  # every command would wait for it

    presets = sorted(file.name for file in (resources.files("nas") / "presets").iterdir())
    names = [name.removesuffix(".yaml") for name in presets if name.endswith(".yaml")]
    files = [
        str(path) if path.suffix in (".yaml", ".yml") else f"{path}/"
        for path in _beginning(incomplete)
        if path.is_dir() or path.suffix in (".yaml", ".yml")
    ]
    return [name for name in names if name.startswith(incomplete)] + files


def _folders(incomplete: str) -> Iterator[str]:
    for path in _beginning(incomplete):
        if path.is_dir():
            yield str(path) if (path / "config.yaml").is_file() else f"{path}/"


def _beginning(incomplete: str) -> list[Path]:
    """What is in the folder that ``incomplete`` names and begins like its last part; hidden files
    only when that part begins with a dot."""
    folder, slash, beginning = incomplete.rpartition("/")
    try:
        inside = sorted(Path(folder + slash or ".").iterdir())
    except OSError:
        return []
    hidden = beginning.startswith(".")
    return [
        path
        for path in inside
        if path.name.startswith(beginning) and (hidden or not path.name.startswith("."))
    ]
