"""What only a journal file has of a ledger: its lines, and what becomes of damaged ones."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from results.ledger import Ledger
from results.trial import Setback
from search_space.errors import UserError
from tests.support.ledgers import (
    INFEASIBLE,
    MEASURED,
    create,
    seen,
    start,
)


def _written() -> tuple[bytes, int]:
    """A journal with trials that ended and one that runs, and how much of it was there before."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.journal"
        with create(path) as ledger:
            begun = path.stat().st_size
            ledger.finish(start(ledger).number, MEASURED)
            ledger.finish(start(ledger).number, INFEASIBLE)
            ledger.set_back(start(ledger).number, Setback("lost", "a worker"))
        return path.read_bytes(), begun


def no_operation() -> st.SearchStrategy[bytes]:
    """A line without its end: any bytes, half an operation, other JSON, nothing at all."""
    half = st.integers(1, 40).map(lambda size: b'{"op_code":6,"worker_id":"x","trial_id":1}'[:size])
    other = [b"", b"{}", b"[" * 100_000, b"7", b'"op_code"', b"\0" * 4096, b"\xff"]
    anything = st.binary(max_size=200).map(lambda found: found.replace(b"\n", b" "))
    return half | st.sampled_from(other) | anything


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "ledger.journal"


WRITTEN, BEGUN = _written()
LINES = WRITTEN.count(b"\n")
ENDS = st.sampled_from([b"", b"\n", b"\n\n \n"])


class TestJournal:
    def test_finishing_is_one_write(self, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with create(journal) as ledger:
            start(ledger)
            synced: list[int] = []
            monkeypatch.setattr(os, "fsync", synced.append)
            ledger.finish(0, MEASURED)
        assert len(synced) == 1

    def test_every_line_is_json_that_others_read(self, journal: Path) -> None:
        def refuse(constant: str) -> None:
            raise AssertionError(constant)

        with create(journal) as ledger:
            ledger.finish(start(ledger).number, INFEASIBLE)
        for line in journal.read_text().splitlines():
            json.loads(line, parse_constant=refuse)

    @settings(deadline=None)
    @given(cut=st.integers(0, len(WRITTEN) - BEGUN), strange=no_operation(), end=ENDS)
    def test_a_last_line_that_is_none_is_dropped_and_nothing_else_is(
        self, cut: int, strange: bytes, end: bytes, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """Wherever a kill tore the file, or whatever a power cut left behind its last line."""
        journal = tmp_path_factory.mktemp("torn") / "ledger.journal"
        whole = WRITTEN[: len(WRITTEN) - cut]
        lines = whole[: whole.rindex(b"\n") + 1]
        torn = whole + strange + end if whole == lines else whole
        journal.write_bytes(torn)
        known = seen(journal)
        assert [trial.number for trial in known] == list(range(lines.count(b'"op_code":4')))
        assert journal.read_bytes() == torn  # a reader leaves it as it was
        with Ledger.open(journal) as ledger:
            assert journal.read_bytes() == lines
            assert (ledger.dropped is None) == (torn == lines)
            assert ledger.dropped is None or f"({len(torn) - len(lines)} bytes)" in ledger.dropped
            new = start(ledger)
        assert seen(journal) == [*known, new]
        assert Ledger.open(journal).dropped is None

    @pytest.mark.parametrize("read_only", [True, False])
    @settings(deadline=None)
    @given(place=st.integers(1, LINES - 1), strange=no_operation(), torn=st.booleans())
    def test_a_line_that_is_none_anywhere_else_is_an_error_that_names_it(
        self,
        place: int,
        strange: bytes,
        torn: bool,
        read_only: bool,
        tmp_path_factory: pytest.TempPathFactory,
    ) -> None:
        journal = tmp_path_factory.mktemp("damaged") / "ledger.journal"
        lines = WRITTEN.splitlines(keepends=True)
        lines.insert(place, strange + b"\n")
        assume(strange.strip() or place < LINES - 1)  # nothing, and then the last line
        written = b"".join(lines)[: -3 if torn else None]
        journal.write_bytes(written)
        with pytest.raises(
            UserError, match=f"^{journal}: the ledger is damaged in line {place + 1};"
        ):
            Ledger.open(journal, read_only=read_only)
        assert journal.read_bytes() == written

    def test_a_reader_passes_over_a_line_that_is_being_written(self, journal: Path) -> None:
        with create(journal) as ledger:
            before = journal.read_bytes()
            start(ledger)
        written = journal.read_bytes()
        journal.write_bytes(written[:-9])
        reader = Ledger.open(journal, read_only=True)
        assert reader.trials() == []
        assert len(written) - len(before) > 9
        with journal.open("ab") as file:
            file.write(written[-9:])
        assert [trial.number for trial in reader.trials()] == [0]

    def test_a_reader_changes_nothing(self, journal: Path) -> None:
        with create(journal) as ledger:
            start(ledger)
            before = journal.stat().st_mtime_ns, journal.read_bytes(), os.listdir(journal.parent)
            os.chmod(journal, 0o444)
            assert len(seen(journal)) == 1
            after = journal.stat().st_mtime_ns, journal.read_bytes(), os.listdir(journal.parent)
            assert before == after

    def test_a_reader_waits_for_no_lock(self, journal: Path) -> None:
        create(journal).close()
        os.symlink(journal, f"{journal}.lock")
        began = time.monotonic()
        assert seen(journal) == []
        assert time.monotonic() - began < 10  # who waits, waits 30 s

    def test_the_lock_of_a_killed_writer_stalls_nobody(self, journal: Path) -> None:
        create(journal).close()
        os.symlink(journal, f"{journal}.lock")
        began = time.monotonic()
        with Ledger.open(journal) as ledger:
            start(ledger)
        assert time.monotonic() - began < 15  # Optuna alone would wait 30 s

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "not a ledger"),
            (b"hello\nworld\n", "not a ledger"),
            (b'{"a": 1}\n', "not a ledger"),
            (b"\xff\xfe\x00", "not a ledger"),
        ],
    )
    def test_a_foreign_file_is_one_line_and_left_alone(
        self, journal: Path, content: bytes, message: str
    ) -> None:
        journal.write_bytes(content)
        for read_only in (True, False):
            with pytest.raises(UserError, match=message) as caught:
                Ledger.open(journal, read_only=read_only)
            assert "\n" not in str(caught.value)
        assert journal.read_bytes() == content

    @pytest.mark.parametrize("garbage", ["garbage", "{}", '{"op_code":99,"worker_id":"x"}'])
    def test_damage_in_the_middle_is_one_line(self, journal: Path, garbage: str) -> None:
        with create(journal) as ledger:
            start(ledger)
        lines = journal.read_text().splitlines()
        journal.write_text("\n".join([*lines[:2], garbage, *lines[2:]]) + "\n")
        with pytest.raises(UserError, match="the ledger is damaged in line 3;"):
            Ledger.open(journal, read_only=True)

    def test_a_folder_is_not_a_ledger(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="cannot be read"):
            Ledger.open(tmp_path, read_only=True)
