"""What happens in a run, for its log: ``tell`` says it, ``log.jsonl`` in the run's folder keeps it.

One JSON object a line, with ``time`` (UTC), ``level``, ``event`` and the event's own fields. What
libraries warn of stands there too, as ``event: log``. Lines are only ever appended; of one that a
kill or a full disk tore, the next begins on a line of its own. The ledger is the truth, this is for
people: where it cannot be written, the run goes on without it.
"""

from __future__ import annotations

import json
import logging
import os
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nas.settings.storage_url import masked
from nas.runs.at_work import at_work
from nas.failures import Interrupted, RunFailed, told_when_leaving
from search_space.errors import UserError
from search_space.printable import escaped

FILE = "log.jsonl"
_APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
"""No link in a run from elsewhere leads its lines to another file."""
_EVENTS = logging.getLogger("nas.events")
_EVENTS.propagate = False
_EVENTS.setLevel(logging.INFO)
_EVENTS.addHandler(logging.NullHandler())  # without one, Python prints warnings


def tell(event: str, level: int = logging.INFO, **fields: Any) -> None:
    """Something happened; into the log of the run at hand, where there is one. ``fields`` are plain
    JSON types, those that are None are left out."""
    _EVENTS.log(level, event, extra={"fields": fields})


@contextmanager
def logged(
    folder: Path, command: str, again: str | None = None, **fields: Any
) -> Iterator[None]:
    """The log of the run in ``folder``, while ``command`` works on it; what follows ``fields`` is
    told of its beginning, and at the end why it ended. With ``again`` as the command that goes on,
    readers are told whether it still works (see ``at_work``)."""
    with ExitStack() as undo:
        if not _logs_to(folder):
            _attach(_Lines(folder / FILE), undo)
            if again is not None:
                undo.enter_context(at_work(folder, again))
        tell(f"{command} started", **fields)
        try:
            with told_when_leaving(lambda why: tell(f"{command} ended", logging.ERROR, reason=why)):
                yield
        except BaseException as error:
            level, reason = _why(error)
            tell(f"{command} ended", level, reason=reason, **_trace(error))
            raise
        tell(f"{command} ended", reason="done")


class _Lines(logging.Handler):
    """Each record in one write, so that lines of several processes never mix."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = _place(path)
        self.setFormatter(_Json())
        self._file: int | None = None
        self._torn = b""
        with suppress(OSError):
            self._file = os.open(path, _APPEND, 0o644)
            size = os.fstat(self._file).st_size
            self._torn = b"\n" if size and os.pread(self._file, 1, size - 1) != b"\n" else b""

    def emit(self, record: logging.LogRecord) -> None:
        if self._file is None:
            return
        try:
            line = self._torn + self.format(record).encode() + b"\n"
            self._torn = b"\n" if os.write(self._file, line) < len(line) else b""
        except Exception:  # a full disk; a value that does not print
            return

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        super().close()


class _Json(logging.Formatter):
    """A record as one line of JSON, without passwords."""

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        known = {"time": when.replace("+00:00", "Z"), "level": record.levelname.lower()}
        known |= self._told(record) if hasattr(record, "fields") else self._said(record)
        return escaped(masked(json.dumps(known, default=str, ensure_ascii=False)))

    def _told(self, record: logging.LogRecord) -> dict[str, Any]:
        fields: dict[str, Any] = vars(record)["fields"]
        told = {name: value for name, value in fields.items() if value is not None}
        return {"event": record.getMessage(), **told}

    def _said(self, record: logging.LogRecord) -> dict[str, Any]:
        said = {"event": "log", "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return said


def _logs_to(folder: Path) -> bool:
    """A search that promotes its best goes on in its own log."""
    path = _place(folder / FILE)
    return any(isinstance(each, _Lines) and each.path == path for each in _EVENTS.handlers)


def _place(path: Path) -> Path:
    return path.parent.resolve() / path.name


def _attach(lines: _Lines, undo: ExitStack) -> None:
    undo.callback(lines.close)
    root = logging.getLogger()
    for logger in (_EVENTS, root):
        logger.addHandler(lines)
        undo.callback(logger.removeHandler, lines)
    if root.handlers == [lines] and logging.lastResort:  # it would fall silent with a handler
        root.addHandler(logging.lastResort)
        undo.callback(root.removeHandler, logging.lastResort)
    before = warnings.showwarning
    warnings.showwarning = _heard(before)
    undo.callback(setattr, warnings, "showwarning", before)


def _heard(show: Callable[..., None]) -> Callable[..., None]:
    """Python's warnings go into the log, and where they went before."""

    def heard(message: Any, category: type[Warning], *where: Any, **more: Any) -> None:
        tell("log", logging.WARNING, logger=category.__name__, message=str(message))
        show(message, category, *where, **more)

    return heard


def _why(error: BaseException) -> tuple[int, str]:
    if isinstance(error, Interrupted | KeyboardInterrupt):
        return logging.WARNING, "interrupted"
    if isinstance(error, RunFailed | UserError):
        return logging.ERROR, str(error).strip().splitlines()[-1]
    return logging.CRITICAL, f"{type(error).__name__}: {error}"


def _trace(error: BaseException) -> dict[str, str]:
    if isinstance(error, UserError | KeyboardInterrupt):
        return {}
    if isinstance(error, RunFailed):  # a bug's has one in its message
        return {"traceback": str(error)} if "\n" in str(error).strip() else {}
    return {"traceback": "".join(traceback.format_exception(error))}
