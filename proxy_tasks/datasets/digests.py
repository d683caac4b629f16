"""What files hold, as short digests, each file read once as long as nobody touches it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from search_space.errors import UserError
from search_space.files import at_home, replacing

FILE = "digests.json"
_BYTES = 16
_THREADS = 4
_RACY = 1.0
"""Seconds. A file that changed so shortly before it was read may change again within what a file
system's clock can tell: its digest is not kept."""

Stamp = list[int]
"""Size, times of change in nanoseconds, of content and of anything, and inode. The second time
cannot be set by a program: a copy that keeps the first does not deceive."""


class Digests:
    """``folder`` keeps them from one process to the next; several may write there at once, the last
    one wins, and what it lacks is read again."""

    def __init__(self, folder: Path | None = None) -> None:
        self._path = _place(folder) if folder else None
        self._known: dict[str, tuple[Stamp, str]] | None = None

    def of(self, paths: Iterable[Path]) -> dict[Path, str]:
        """The BLAKE2b digest of each file's content, in hexadecimal. Raises UserError for one that
        cannot be read."""
        if self._known is None:
            self._known = self._load()
        wanted = {path: _stamp(path) for path in dict.fromkeys(paths)}
        unknown = [path for path, stamp in wanted.items() if self._kept(path, stamp) is None]
        with ThreadPoolExecutor(_THREADS) as pool:
            found = dict(zip(unknown, pool.map(_digest, unknown), strict=True))
        self._keep({path: (wanted[path], digest) for path, digest in found.items()})
        return {path: found.get(path) or self._known[str(path.absolute())][1] for path in wanted}

    def _kept(self, path: Path, stamp: Stamp) -> str | None:
        assert self._known is not None
        known = self._known.get(str(path.absolute()))
        return known[1] if known and known[0] == stamp else None

    def _keep(self, found: dict[Path, tuple[Stamp, str]]) -> None:
        assert self._known is not None
        settled = (time.time() - _RACY) * 1e9
        new = {str(p.absolute()): each for p, each in found.items() if max(each[0][1:3]) < settled}
        self._known.update(new)
        if self._path is None or not new:
            return
        with suppress(OSError):  # it saves time, no more: a read-only cache does without
            self._path.parent.mkdir(parents=True, exist_ok=True)
            merged = {**self._load(), **new}
            with replacing(self._path) as draft:
                draft.write_text(json.dumps(merged))

    def _load(self) -> dict[str, tuple[Stamp, str]]:
        """What the file has; nothing where it is damaged or not there."""
        try:
            content: Any = json.loads(self._path.read_text()) if self._path else {}
            return {path: (list(stamp), str(digest)) for path, (stamp, digest) in content.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}


def _place(folder: Path) -> Path | None:
    """None where it is in a home that is not known: as with a read-only cache."""
    try:
        return at_home(folder) / FILE
    except UserError:
        return None


def _stamp(path: Path) -> Stamp:
    try:
        stat = path.stat()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(
                file, lambda: hashlib.blake2b(digest_size=_BYTES)
            ).hexdigest()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
