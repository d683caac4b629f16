"""A run from elsewhere whose files say what they like: it is read and shown, and that is all."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from nas import config
from nas.commands.export import export
from nas.commands.report import report
from nas.runs import ledgers
from nas.runs.directory import RunDirectory
from nas.runs.reading import ObservedRun, Shown, snapshot
from nas.searching.promotion import Subject
from proxy_tasks.task import Measurement
from results.dashboard.app import make_app
from results.ledger import Ledger
from search_space import architecture_file
from search_space.errors import UserError
from search_space.scale_permuted import ScalePermutedSpace
from tests.support.runs import SMALL

SPACE = ScalePermutedSpace(max_level=6)
NAMES = (
    "../../outside",
    "/etc/passwd",
    "..",
    "</script><script>alert(1)</script>",
    "a\x00b\n\x1b[2J",
)
QUIET = Console(file=io.StringIO())


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """Each trial better and dearer than the last, so that all are on the front."""
    settings = [f"{key}={value}" for key, value in SMALL.items() if key != "controller"]
    made = RunDirectory.create(tmp_path / "in" / "run", config.load("quickstart", settings))
    with ledgers.make(made, made.config(), SPACE.genes, {}) as ledger:
        for number, name in enumerate(NAMES):
            add(ledger, number, name)
    return made


def add(ledger: Ledger, number: int, name: str) -> None:
    genotype = SPACE.sample(np.random.default_rng(number))
    trial = ledger.start(name, "candidate", SPACE.decode(genotype), f"{number}", genotype)
    miou = 0.1 * (number + 1)
    measured = Measurement(1, 1000 * (number + 1), 10, 1.0, miou=miou, loss=1 - miou)
    ledger.finish(trial.number, replace(measured, class_iou=(miou,) * 11).scored("miou"))


def test_names_of_trials_lead_out_of_no_folder(run: RunDirectory, tmp_path: Path) -> None:
    out = tmp_path / "out" / "found"
    export(str(run.path), "front", ("spec",), out, QUIET)
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("architecture.yaml"))
    assert [str(path) for path in written] == [
        f"out/found/candidate-{number:04d}/architecture.yaml" for number in range(len(NAMES))
    ]
    for file in written:
        architecture_file.load(tmp_path / file)
    subjects = [Subject.of_trial(trial) for trial in ledgers.trials(run)]
    assert [subject.name for subject in subjects] == [path.parent.name for path in written]


def test_names_of_trials_are_words_on_every_page(run: RunDirectory) -> None:
    report(run.path, None, None, QUIET)
    page = (run.path / "report.html").read_text("utf-8")
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
    client = make_app(Shown(run.path), "run").server.test_client()
    for address in (f"/architecture.yaml?run=run&trial={n}" for n in range(len(NAMES))):
        assert client.get(address, base_url="http://127.0.0.1").status_code == 200


def read(path: Path) -> tuple[str, int]:
    """What is wrong with a run, in words, and how many trials could be read."""
    try:
        return "", len(snapshot(path).trials)
    except UserError as error:
        return str(error), 0


@pytest.mark.parametrize("share", [0.999, 0.6, 0.1, 0.0])
def test_a_journal_that_was_cut_is_read_up_to_there_or_told_of(
    run: RunDirectory, share: float
) -> None:
    journal = run.path / "ledger.journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole[: int(share * len(whole))])
    said, count = read(run.path)
    assert (count == 0) == (share < 0.5)
    assert "\n" not in said
    client = make_app(Shown(run.path), "run").server.test_client()
    answer = client.get("/architecture.yaml?run=run&trial=0", base_url="http://127.0.0.1")
    assert answer.status_code == (200 if count else 500)
    assert "Traceback" not in answer.text


def test_a_journal_that_breaks_while_it_is_watched_is_told_of(run: RunDirectory) -> None:
    watched = ObservedRun(run.path)
    assert len(watched.trials()) == len(NAMES)
    with (run.path / "ledger.journal").open("a") as file:
        file.write('{"op_code": 5, "worker_id": "x"}\n')
    with pytest.raises(UserError, match="its ledger cannot be read"):
        watched.trials()
