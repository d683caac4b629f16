"""The log of a run: one JSON object a line, appended whatever happened before, and no secrets."""

from __future__ import annotations

import json
import logging
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from nas.engines.base import Crash, Trouble
from nas.engines.retries import BugError
from nas.failures import Interrupted, RunFailed
from nas.runs import events
from search_space.errors import UserError


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / events.FILE).read_text("utf-8").splitlines()]


def told(folder: Path) -> list[str]:
    return [line["event"] for line in lines(folder)]


def test_a_line_has_time_level_event_and_fields(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    with events.logged(tmp_path, "search", resumed=False, hours=None):
        events.tell("trial runs again", logging.WARNING, trial=3, trouble=Trouble.LOST, key=None)
    started, again, ended = lines(tmp_path)
    assert (started["event"], started["level"], started["resumed"]) == (
        "search started", "info", False,
    )  # fmt: skip
    assert "hours" not in started
    when = again.pop("time")
    assert when.endswith("Z")
    assert abs((datetime.fromisoformat(when) - before).total_seconds()) < 60
    assert again == {"level": "warning", "event": "trial runs again", "trial": 3, "trouble": "lost"}
    assert (ended["event"], ended["reason"]) == ("search ended", "done")


def test_a_torn_last_line_costs_nothing_but_itself(tmp_path: Path) -> None:
    with events.logged(tmp_path, "search"):
        pass
    whole = (tmp_path / events.FILE).read_bytes()
    (tmp_path / events.FILE).write_bytes(whole + b'{"time": "2026-')
    with events.logged(tmp_path, "search"):
        pass
    with events.logged(tmp_path, "search"):
        pass
    text = (tmp_path / events.FILE).read_bytes()
    assert text.startswith(whole + b'{"time": "2026-\n{')
    after = text.removeprefix(whole + b'{"time": "2026-\n').decode().splitlines()
    assert [json.loads(line)["event"] for line in after] == ["search started", "search ended"] * 2


def test_the_end_has_its_reason(tmp_path: Path) -> None:
    bug = BugError(Crash(Trouble.BUG, "KeyError: 'x'", "Traceback ...\nKeyError: 'x'"))
    ends: list[BaseException] = [
        UserError("space: empty"),
        RunFailed("no candidate got a score"),
        Interrupted("interrupted; continue with `nas`"),
        KeyboardInterrupt(),
        ZeroDivisionError("by zero"),
        bug,
    ]
    for error in ends:
        with pytest.raises(type(error)), events.logged(tmp_path, "search"):
            raise error
    found = [line for line in lines(tmp_path) if line["event"] == "search ended"]
    assert [(line["level"], line["reason"]) for line in found] == [
        ("error", "space: empty"),
        ("error", "no candidate got a score"),
        ("warning", "interrupted"),
        ("warning", "interrupted"),
        ("critical", "ZeroDivisionError: by zero"),
        ("error", "the same exception three times: KeyError: 'x'"),
    ]
    assert ["traceback" in line for line in found] == [False] * 4 + [True] * 2
    assert "test_events.py" in found[4]["traceback"]


@pytest.mark.filterwarnings("default")
def test_what_libraries_warn_of_lands_there_without_passwords(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    with events.logged(tmp_path, "search"):
        logging.getLogger("urllib3").warning("lost %s", "postgresql://me:hu:sh@host/runs")
        logging.getLogger("other").info("chatter")
        warnings.warn("see http://host/?user=me&password=hush&x=1", stacklevel=1)
        events.tell("told", uri="http://me:hush@host")
        try:
            raise OSError("broken")
        except OSError:
            logging.getLogger("other").exception("failed")
    assert "hush" not in (tmp_path / events.FILE).read_text()
    assert "sh@" not in (tmp_path / events.FILE).read_text()
    heard = lines(tmp_path)[1:-1]
    assert [line.get("logger") for line in heard] == ["urllib3", "UserWarning", None, "other"]
    assert heard[0]["message"] == "lost postgresql://me:***@host/runs"
    assert heard[1]["message"].endswith("password=***&x=1")
    assert "OSError: broken" in heard[3]["traceback"]
    assert len(recwarn) == 1  # and it is still seen


def test_one_log_inside_another_of_the_same_run_tells_everything_once(tmp_path: Path) -> None:
    with events.logged(tmp_path, "search"), events.logged(tmp_path, "promote"):
        events.tell("x")
    starts = ["search started", "promote started"]
    assert told(tmp_path) == [*starts, "x", "promote ended", "search ended"]


def test_a_log_is_let_go_of(tmp_path: Path) -> None:
    before = list(logging.getLogger().handlers), warnings.showwarning
    with events.logged(tmp_path, "search"):
        pass
    events.tell("too late")
    assert told(tmp_path) == ["search started", "search ended"]
    assert (list(logging.getLogger().handlers), warnings.showwarning) == before


@pytest.mark.parametrize("full", [True, False])
def test_a_log_that_cannot_be_written_ends_nothing(
    tmp_path: Path, full: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path if full else tmp_path / "missing"
    if full:
        (tmp_path / events.FILE).symlink_to("/dev/full")
    with events.logged(folder, "search"):
        events.tell("x", value={1, 2})
    assert capfd.readouterr() == ("", "")


def test_a_value_that_json_does_not_know_is_told_in_words(tmp_path: Path) -> None:
    with events.logged(tmp_path, "search"):
        events.tell("x", path=tmp_path)
    assert lines(tmp_path)[1]["path"] == str(tmp_path)
