"""What earlier programs wrote, and how little a trial takes now."""

from __future__ import annotations

import json
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from proxy_tasks.task import Measurement
from results.ledger import Ledger
from results.order import in_order_of_ending
from results.trial import Trial, TrialState
from search_space.architecture import ATTRIBUTES, NETWORK_ATTRIBUTES
from search_space.attributes import Attribute
from search_space.scale_permuted import ScalePermutedSpace

GOLDEN = Path(__file__).parent / "golden"
MEASURED = Measurement(2, 1, 1, 1.0, miou=0.5, loss=1.0, score=0.5, curve=(None, 0.5))


def plain(trial: Trial) -> dict[str, Any]:
    """As ledger-N.json was written, by the program that wrote ledger-N.journal."""
    return {
        "number": trial.number,
        "name": trial.name,
        "kind": trial.kind,
        "state": trial.state.value,
        "key": trial.key,
        "genotype": trial.genotype and list(trial.genotype),
        "measurement": trial.measurement and json.loads(json.dumps(trial.measurement.to_dict())),
        "error": trial.error,
        "backbone": repr(trial.backbone)
        .replace(_of_later(ATTRIBUTES), "")
        .replace(_of_later(NETWORK_ATTRIBUTES), ""),
        "started": trial.started,
        "finished": trial.finished,
    }


def _of_later(attributes: tuple[Attribute, ...]) -> str:
    """What is said of attributes that programs of then did not know, where they have their
    default."""
    later = [each for each in attributes if not each.original]
    return "".join(f", {each.name}={each.default!r}" for each in later)


@pytest.fixture(params=[1, 2])
def written_by(request: pytest.FixtureRequest) -> int:
    """The format of an earlier program."""
    known: int = request.param
    return known


@pytest.fixture
def journal(tmp_path: Path, written_by: int) -> Path:
    return shutil.copy(GOLDEN / f"ledger-{written_by}.journal", tmp_path / "ledger.journal")


def expected(written_by: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((GOLDEN / f"ledger-{written_by}.json").read_text())
    for row in rows:
        for name in ("started", "finished"):
            row[name] = row[name] and datetime.fromisoformat(row[name])
    return rows


def test_a_ledger_of_an_earlier_format_reads_as_it_did(journal: Path, written_by: int) -> None:
    before = journal.read_bytes()
    trials = Ledger.open(journal, read_only=True).trials()
    assert [plain(trial) for trial in trials] == expected(written_by)
    assert {trial.state for trial in trials} == set(TrialState)
    assert journal.read_bytes() == before


def test_a_ledger_of_an_earlier_format_goes_on(journal: Path) -> None:
    with Ledger.open(journal) as ledger:
        *ended, running = ledger.trials()
        finished = ledger.finish(running.number, MEASURED)
        again = ledger.start("new", "candidate", running.backbone, "key", running.genotype)
        ledger.fail(again.number, "lost")
    *before, first, second = Ledger.open(journal, read_only=True).trials()
    assert before == ended
    assert (first, first.genotype, first.measurement) == (finished, running.genotype, MEASURED)
    assert (second.state, second.backbone) == (TrialState.FAILED, running.backbone)
    assert second.after == first.ending + 1 == second.ending == len(ended) + 1


def test_what_an_earlier_program_wrote_ended_in_the_order_of_its_times(journal: Path) -> None:
    trials = Ledger.open(journal, read_only=True).trials()
    ended = [trial for trial in trials if trial.finished]
    assert in_order_of_ending(trials) == sorted(ended, key=lambda trial: trial.finished)
    for trial in trials:
        assert trial.after == sum(other.finished <= trial.started for other in ended)


def test_what_is_added_after_the_clock_was_set_back_comes_last(journal: Path) -> None:
    with Ledger.open(journal) as ledger:
        *_, running = ledger.trials()
        other = ledger.start("new", "candidate", running.backbone, "key", running.genotype)
        ledger.finish(other.number, MEASURED)
        ledger.finish(running.number, MEASURED)
        before = in_order_of_ending(ledger.trials())
    lines = journal.read_text().splitlines()
    last = [number for number, line in enumerate(lines) if '"datetime_complete"' in line][-2:]
    for number in last:
        lines[number] = re.sub(r'(_complete":")\d{4}', r"\g<1>1999", lines[number])
    journal.write_text("\n".join(lines) + "\n")
    after = in_order_of_ending(Ledger.open(journal, read_only=True).trials())
    assert [t.number for t in after] == [t.number for t in before]
    assert [t.number for t in after[-2:]] == [other.number, running.number]


def test_an_earlier_program_refuses_what_was_added(journal: Path) -> None:
    Ledger.open(journal).close()
    assert '"user_attr":{"format":"spinenet-seg-ledger/3"}' in journal.read_text()


def test_a_trial_of_the_default_space_takes_less_than_3_kB(tmp_path: Path) -> None:
    space = ScalePermutedSpace()
    genotype = tuple(gene.radix - 1 for gene in space.genes)
    digits = 0.1234567890123456
    losses = {"train_loss": digits, "loss": digits, "balanced_loss": digits}
    scores = {"miou": digits, "soft_miou": digits, "score": digits, "curve": (digits,) * 8}
    costs = {"peak_memory": 10**9, "latency": digits, "class_iou": (digits,) * 11}
    measured = Measurement(8, 10**9, 10**7, digits, **losses, **scores, **costs)
    with Ledger.create(tmp_path / "ledger.journal", "run", space.genes, {}) as ledger:
        empty = (tmp_path / "ledger.journal").stat().st_size
        architecture = space.decode(genotype)
        ledger.start("trial-0000", "candidate", architecture, space.key(genotype), genotype)
        ledger.finish(0, measured)
    assert (tmp_path / "ledger.journal").stat().st_size - empty < 3000
