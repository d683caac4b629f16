"""The secret that a cluster's processes show each other (Ray's token authentication, 2.52)."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def token_file() -> Path:
    """Where Ray looks for it, unless RAY_AUTH_TOKEN has it."""
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token").expanduser()


def has_token() -> bool:
    return bool(os.environ.get("RAY_AUTH_TOKEN")) or token_file().is_file()


def ensure_token() -> None:
    """Make one where there is none, readable by its owner alone. It is never printed."""
    if has_token():
        return
    import secrets

    file = token_file()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as opened:
        opened.write(secrets.token_hex(32))


def show_token() -> None:
    """From now on this process shows it, where it has one: Ray does so by itself only to the
    cluster that it finds, not to one whose address it is given. Ray reads this when it is
    imported: later it would be known to the processes that it starts, and not to itself."""
    if "ray" not in sys.modules and "RAY_AUTH_MODE" not in os.environ and has_token():
        os.environ["RAY_AUTH_MODE"] = "token"
