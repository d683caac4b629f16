"""The file of a latency table: what is written is read, and what is none is refused in a line."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_space.errors import UserError
from search_space.latency.table import FORMAT, LatencyTable, load, parse
from tests.support.latency import networks, table

WHOLE = table(networks(1))
TEXT = WHOLE.to_text()
LINES = TEXT.splitlines()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tables" / "mine.csv"
    WHOLE.save(path)
    again = load(path)
    assert again.measured == WHOLE.measured
    assert [row.operator for row in again.rows] == [row.operator for row in WHOLE.rows]
    assert [row.ms for row in again.rows] == pytest.approx([row.ms for row in WHOLE.rows], abs=1e-5)
    assert again.to_text() == TEXT


WRONG = {
    "nothing": ("", "does not begin with"),
    "a later format": (TEXT.replace(FORMAT, "spinenet-seg-latency/2"), "format spinenet-seg-laten"),
    "no format": (TEXT.replace("format:", "forms:"), "do not say the format"),
    "another header": (TEXT.replace("# threads", "# strands"), "header must have just"),
    "no threads": (TEXT.replace("threads: 1", "threads: 0"), "threads must be at least 1"),
    "other columns": (TEXT.replace("spread,count", "spread,counts"), "the columns must be"),
    "no rows": ("\n".join(LINES[:6]), "holds no rows"),
    "a short row": (TEXT + "conv,1,2\n", f"line {len(LINES) + 1}: has 3 values"),
    "a row twice": (TEXT + LINES[-1] + "\n", f"the operator of line {len(LINES)} again"),
    "an unknown operator": (TEXT.replace("\nconv,", "\nwarp,", 1), "must be one of conv"),
    "no number": (TEXT.replace("\nconv,", "\nconv,x", 1), "channels must be a whole number"),
    "no time": ("\n".join([*LINES[:-1], LINES[-1].replace(",0.000,", ",nan,")]), "spread must be"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_table_is_refused_in_one_line(name: str) -> None:
    text, said = WRONG[name]
    with pytest.raises(UserError, match=r"^mine\.csv") as refused:
        parse(text, "mine.csv")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nas latency measure writes a table"):
        load(tmp_path / "none.csv")


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path, tmp_path / "pipe.csv"):
        with pytest.raises(UserError, match="is no file"):
            load(path)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_a_table_or_one_line(data: st.DataObject) -> None:
    """Bytes of it are lost, doubled or replaced."""
    text = "\n".join(LINES[:12]) + "\n"
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 60)))
    put = data.draw(st.text(max_size=8) | st.just(text[start:end] * 2))
    damaged = text[:start] + put + text[end:]
    if found := parsed(damaged):
        assert parse(found.to_text(), "again").to_text() == found.to_text()
    else:
        with pytest.raises(UserError, match=r"^mine\.csv: [^\n]+$"):
            parse(damaged, "mine.csv")


def parsed(text: str) -> LatencyTable | None:
    with suppress(UserError):
        return parse(text, "mine.csv")
    return None
