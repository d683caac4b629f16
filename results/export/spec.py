"""Export as a block spec: the file that the catalogue, promotion and the reports all read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search_space import architecture_file
from search_space.backbone import Backbone


def export_spec(backbone: Backbone, provenance: Mapping[str, Any] | None, folder: Path) -> Path:
    """Write ``folder/architecture.yaml``, making the folder, and return its path.

    ``provenance`` (run, trial, controller, scores) is kept apart from the structure.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "architecture.yaml"
    architecture_file.save(path, backbone, None if provenance is None else dict(provenance))
    return path
