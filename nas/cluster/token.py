"""The secret that a cluster's processes show each other (Ray's token authentication, 2.52).

Whoever reads it can run commands as its owner. Ray itself writes it as the umask says, usually for
all to read: so ours comes first, and one that others may read is closed to them.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from search_space.errors import UserError

_GIVEN = "RAY_AUTH_TOKEN"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_log = logging.getLogger(__name__)


def token_file() -> Path:
    """Where Ray looks for it, unless RAY_AUTH_TOKEN has it. RuntimeError where there is no home."""
    return Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token").expanduser()


def has_token() -> bool:
    if os.environ.get(_GIVEN):
        return True
    with suppress(OSError, RuntimeError):
        return token_file().stat().st_size > 0
    return False


def ensure_token() -> None:
    """Make one where there is none, readable by its owner alone. It is never printed.

    Raises:
        UserError: where it cannot be written.
    """
    if has_token():
        close_token()
        return
    try:
        _write(_new(), token_file())
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"~/.ray/auth_token: the cluster's secret cannot be written ({error}); give one in"
            f" the variable {_GIVEN}"
        ) from error


def ensure_own_token() -> None:
    """For a Ray that ends with this process: where none can be kept, one that nobody else gets."""
    try:
        ensure_token()
    except UserError:
        os.environ[_GIVEN] = _new()


def close_token() -> None:
    """To others, where they may read it; one that is somebody else's stays as it is."""
    with suppress(OSError, RuntimeError):
        file = token_file()
        found = file.stat()
        if found.st_uid == os.getuid() and found.st_mode & _OTHERS:
            file.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
            _log.warning(
                "%s: could be read by others until now; where you do not trust them, remove it when"
                " no cluster runs: the next command makes another",
                file,
            )


def show_token() -> None:
    """From now on this process shows it, where it has one: Ray does so by itself only to the
    cluster that it finds, not to one whose address it is given. Ray reads this when it is
    imported: later it would be known to the processes that it starts, and not to itself."""
    if "ray" not in sys.modules and "RAY_AUTH_MODE" not in os.environ and has_token():
        close_token()
        os.environ["RAY_AUTH_MODE"] = "token"


def _new() -> str:
    import secrets

    return secrets.token_hex(32)


def _write(token: str, file: Path) -> None:
    """Where another process is first, its own stays."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with suppress(OSError):
        if not file.stat().st_size:  # what a kill or a full disk left
            file.unlink()
    with suppress(FileExistsError):
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as opened:
            opened.write(token)
