"""The digest of an export's weights: ``SHA256SUMS`` beside them, which ``sha256sum -c`` reads too.

A file that lost some of its bytes may load all the same, and label otherwise than it did here.
"""

from __future__ import annotations

from pathlib import Path

from search_space.errors import UserError
from search_space.files import sha256

SUMS = "SHA256SUMS"


def write(file: Path) -> None:
    """Beside a file of weights."""
    (file.parent / SUMS).write_text(f"{sha256(file)}  {file.name}\n", "utf-8")


def check(file: Path) -> None:
    """UserError where a file is not the one that was exported. Exports of earlier releases, which
    have no digest, pass."""
    listed = file.parent / SUMS
    try:
        lines = listed.read_text("utf-8").splitlines() if listed.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{listed}: cannot be read ({error})") from error
    known = {name.removeprefix("*"): digest for digest, _, name in map(_parted, lines)}
    if known.get(file.name) not in (None, sha256(file)):
        raise UserError(
            f"{file}: not the weights that were exported, by the digest in {SUMS}; put them back,"
            f" or export again (weights of your own: remove {SUMS})"
        )


def _parted(line: str) -> tuple[str, str, str]:
    digest, between, name = line.partition(" ")
    return digest.lower(), between, name.lstrip(" ")
