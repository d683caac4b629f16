"""The identity of a file with an encoder's weights: a run goes on with those that it began with.

``encoder.json`` in the run's folder has the encoder's name and the SHA-256 of the file.
"""

from __future__ import annotations

from nas.config import Config
from nas.runs.directory import RunDirectory
from nas.runs.promotion_records import read_json, write_json
from search_space.errors import UserError
from search_space.files import named_sha256

MOVABLE = ("space.encoder_weights",)
"""What may change in a run: where the file lies."""
_FILE = "encoder.json"


def hold(run: RunDirectory, config: Config) -> None:
    """Keep the identity of the file that the config names, the first time; compare it from then on.

    Raises:
        UserError: for a file that cannot be read, or is another, or is named where the run began
            without one.
    """
    path, kept = run.path / _FILE, read_json(run.path / _FILE)
    found = identity(config)
    if kept == found:
        return
    if kept:
        raise UserError(
            f"space.encoder_weights: {config.space.encoder_weights}: not the weights that the run"
            f" began with, by the digest in {path}"
        )
    write_json(path, found)


def identity(config: Config) -> dict[str, str]:
    """Empty without a file. UserError for one that cannot be read."""
    file = config.space.encoder_weights
    if file is None:
        return {}
    digest = named_sha256("space.encoder_weights", file)
    spec = config.space.encoder_spec
    return {"encoder": spec.name if spec else "", "sha256": digest}
