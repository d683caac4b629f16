"""The config's ``storage``: a URL whose password comes from the environment, never from a file.

``postgresql://me:${PGPASSWORD}@host/runs`` is written to a run's ``config.yaml`` as it stands, and
filled in only where the ledger is opened. A config may be somebody else's, so that only variables
that are meant for it are: no URL carries off the keys of a cloud.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import PurePath
from urllib.parse import parse_qsl, quote, urlsplit

from search_space.errors import UserError

_VARIABLE = re.compile(r"\$\{(\w+)\}")
STORAGE, TRACKING = "storage", "loggers.mlflow.tracking_uri"
_MEANT = {
    # PGP_... are keys to encrypt with.
    STORAGE: (re.compile(r"PG(?!P_)\w+|NAS_\w+"), "PG"),
    TRACKING: (re.compile(r"MLFLOW_\w+|NAS_\w+"), "MLFLOW_"),
}
"""Key of a config -> names of the variables that are filled in there, and how they begin."""
_CREDENTIALS = re.compile(r"://([^:/@\s]*):\S*@")
_SECRET = re.compile(r"pass(?!file)|pwd|secret|token", re.IGNORECASE)
_IN_QUERY = re.compile(rf"([?&]\w*(?:{_SECRET.pattern})\w*=)[^&\s'\"\\]+", re.IGNORECASE)


def masked(text: str) -> str:
    """Without the passwords of the URLs in it, for people to read."""
    return _IN_QUERY.sub(r"\1***", _CREDENTIALS.sub(r"://\1:***@", text))


def check(url: str) -> None:
    """Raises UserError, without the password, for a URL that a run cannot keep."""
    if why := unmeant(url):
        raise UserError(f"{STORAGE}: {why}")
    if is_a_variable(url):
        return
    if "://" not in url:
        raise UserError(
            "storage: must be a URL like postgresql://me:${PGPASSWORD}@host/runs,"
            f" or null for a journal file in the run's folder, but got {url!r}"
        )
    if has_password(url):
        raise UserError(
            f"storage: {masked(url).partition('?')[0]}: a password does not belong in a config;"
            " write ${PGPASSWORD} in its place and export the variable of that name"
        )
    scheme, _, rest = url.partition("://")
    if scheme.partition("+")[0] == "sqlite" and not _lasts(rest):
        raise UserError(
            f"storage: {url}: must name a file by its whole path, as in"
            " sqlite:////home/me/runs.db, so that a run is found again from any folder"
        )


def unmeant(url: str, key: str = STORAGE) -> str | None:
    """Why a variable in it is not filled in, as it is not meant for the config's ``key``; None
    where all are."""
    meant, example = _MEANT[key]
    for name in _VARIABLE.findall(url):
        if not meant.fullmatch(name):
            return (
                f"${{{name}}} is not filled in, as a config may be somebody else's: only variables"
                f" called {example}... and NAS_... are; export NAS_{name} and write that"
            )
    return None


def is_a_variable(url: str) -> bool:
    """Whether a variable has the whole of it, so that the user alone says where it leads."""
    return _VARIABLE.fullmatch(url) is not None


def expanded(url: str, environment: Mapping[str, str] = os.environ, key: str = STORAGE) -> str:
    """With the variables filled in; in user and password their special characters are encoded.

    Args:
        key: of the config, for the error.

    Raises:
        UserError: naming a variable that is not set, or is not meant for it.
    """
    if why := unmeant(url, key):
        raise UserError(f"{key}: {why}")

    def value(found: re.Match[str]) -> str:
        if not (known := environment.get(found[1])):
            raise UserError(f"{key}: the variable {found[1]} is not set; export {found[1]}=...")
        return known

    if is_a_variable(url):
        return _VARIABLE.sub(value, url)
    head, at, tail = url.rpartition("@")
    head = _VARIABLE.sub(lambda found: quote(value(found), safe=""), head)
    return head + at + _VARIABLE.sub(value, tail)


def has_password(url: str) -> bool:
    """Whether one stands there, not a variable in its place."""
    # By hand, as urlsplit stops at a # or a ? in a password that was not encoded.
    authority = url.partition("://")[2].rpartition("@")[0]
    _, colon, password = authority.partition(":")
    if colon and not _VARIABLE.fullmatch(password):
        return True
    query = parse_qsl(urlsplit(url).query)
    return any(_SECRET.search(key) and not _VARIABLE.fullmatch(value) for key, value in query)


def _lasts(rest: str) -> bool:
    path = rest.removeprefix("/").partition("?")[0]
    return rest.startswith("/") and (PurePath(path).is_absolute() or bool(_VARIABLE.match(path)))
