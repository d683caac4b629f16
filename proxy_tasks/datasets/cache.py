"""What the cache holds, and what of it may go: packs, what teachers said of their images, maps of
frozen encoders, fingerprints, digests.

Ours is a folder or a file by its name and by the names of all that is in it; anything else, and
every link, is left alone. All of it is made again when it is needed.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from proxy_tasks.datasets.appearing import sweep
from proxy_tasks.datasets.digests import FILE as DIGESTS
from proxy_tasks.datasets.locks import lock_of, unused
from search_space.errors import UserError

_PACK = r"(?P<pack>.+-[0-9a-f]{16})"
_ARRAYS = r"meta\.json|weights\.npy|(images|labels|index|counts|places|soft)-(train|val|test)\.npy"
FEATURES = "-features"
"""What the folder of an encoder's maps is called, behind the name of the pack."""
FINGERPRINTS = "fingerprints"
_FOLDERS = (
    ("teacher", re.compile(rf"{_PACK}-(soft|maps)-[0-9a-f]{{16}}"), re.compile(_ARRAYS)),
    ("encoder maps", re.compile(_PACK + FEATURES), re.compile(r"\.?[0-9a-f]{32}\.safetensors.*")),
    ("images", re.compile(_PACK), re.compile(_ARRAYS)),
)
"""Kind, name, and names of what is in it; the first that fits counts."""
_FINGERPRINT = re.compile(r".+\.json")


@dataclass(frozen=True)
class Entry:
    """A folder or a file of the cache: its ``kind`` in a word, bytes, when it was last used
    (seconds since 1970), and the name of the pack whose users need it, empty where nobody does."""

    path: Path
    kind: str
    nbytes: int
    used: float
    pack: str = ""

    @property
    def in_use(self) -> bool:
        """By a command that is under way."""
        if not self.pack:
            return False
        with suppress(OSError), unused(self.path.with_name(self.pack)) as free:
            return not free
        return False  # where this user may not write, nobody asks

    def remove(self) -> bool:
        """Whether it is gone: what is in use stays. UserError where it may not be removed."""
        try:
            if not self.pack:
                self.path.unlink(missing_ok=True)
                return True
            with unused(self.path.with_name(self.pack)) as free:
                if free:
                    _remove_folder(self.path)
                return free
        except OSError as error:
            raise UserError(f"{self.path}: cannot be removed: {error.strerror}") from error


def entries(cache: Path) -> list[Entry]:
    """What is ours in ``cache``, largest first; of no folder, nothing."""
    found = [entry for each in _listed(cache) if (entry := _entry(each))]
    found += [_file(each, "fingerprint") for each in _fingerprints(cache)]
    return sorted(found, key=lambda entry: (-entry.nbytes, entry.path))


def clear(found: list[Entry], cache: Path) -> list[Entry]:
    """Remove these entries, and what killed processes left; returns those that are in use and so
    stay. UserError where one may not be removed."""
    if cache.is_dir():
        sweep(cache)
    # What is made of a pack before the pack itself.
    order = sorted(found, key=lambda entry: entry.kind == "images")
    return [entry for entry in order if not entry.remove()]


def _entry(each: os.DirEntry[str]) -> Entry | None:
    path = Path(each.path)
    if each.name == DIGESTS and each.is_file(follow_symlinks=False):
        return _file(each, "digests")
    if not each.is_dir(follow_symlinks=False):
        return None
    for kind, name, inside in _FOLDERS:
        if match := name.fullmatch(each.name):
            held = list(_listed(path))
            if not all(_plain(one) and inside.fullmatch(one.name) for one in held):
                return None
            stats = [one.stat(follow_symlinks=False) for one in held]
            stats = stats or [each.stat(follow_symlinks=False)]
            nbytes = sum(one.st_size for one in stats) if held else 0
            return Entry(path, kind, nbytes, max(map(_last, stats)), match["pack"])
    return None


def _file(each: os.DirEntry[str], kind: str) -> Entry:
    known = each.stat(follow_symlinks=False)
    return Entry(Path(each.path), kind, known.st_size, _last(known))


def _fingerprints(cache: Path) -> Iterator[os.DirEntry[str]]:
    folder = cache / FINGERPRINTS
    if folder.is_symlink():
        return
    for each in _listed(folder):
        if _plain(each) and _FINGERPRINT.fullmatch(each.name):
            yield each


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    """UserError for a folder that may not be read."""
    try:
        with os.scandir(folder) as found:
            return list(found)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UserError(f"{folder}: cannot be read: {error.strerror}") from error


def _plain(each: os.DirEntry[str]) -> bool:
    return stat.S_ISREG(each.stat(follow_symlinks=False).st_mode)


def _last(known: os.stat_result) -> float:
    """Times of reading are kept by few systems, and are then the later ones."""
    return max(known.st_mtime, known.st_atime)


def _remove_folder(folder: Path) -> None:
    """Its files, by their names in it alone, and the folder where nothing else came in since."""
    for each in _listed(folder):
        if _plain(each):
            Path(each.path).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        folder.rmdir()
    lock_of(folder).unlink(missing_ok=True)
