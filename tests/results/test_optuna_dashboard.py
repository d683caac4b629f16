"""The ledger in the real optuna-dashboard, through its own HTTP interface."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna.artifacts import FileSystemArtifactStore
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from werkzeug.test import Client

from nas.searching.diagrams import Leaders
from proxy_tasks.task import Fidelity, Job, Measurement
from results.ledger import Ledger
from search_space.scales import Scale
from tests.support.observed import SPACE, candidate

optuna_dashboard = pytest.importorskip("optuna_dashboard")

SCORES = (0.1, 0.2, 0.3, 0.05, 0.4, 0.2)
LED = [0, 1, 2, 4]
"""Who was among the three best when it ended; an equal does not push another out."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    with Ledger.create(folder / "ledger.journal", "<b>run", SPACE.genes, {}) as ledger:
        for number, score in enumerate(SCORES):
            end(ledger, folder / "diagrams", number, score)
    return folder


def end(ledger: Ledger, folder: Path, number: int, score: float) -> None:
    """As a search does: a new ``Leaders``, as after a resume, knows who led."""
    leaders = Leaders(ledger, folder)
    trial = candidate(number)
    ledger.start(trial.name, "candidate", trial.backbone, trial.key, trial.genotype)
    job = Job(number, trial.name, trial.backbone, Fidelity(1, (32, 48), Scale()))
    outcome = Measurement(1, 10, 10, 1.0, miou=score, loss=1.0, score=score)
    leaders.ending(job, outcome)
    ledger.finish(number, outcome)


@pytest.fixture(scope="module")
def client(run: Path) -> Client:
    storage = JournalStorage(JournalFileBackend(str(run / "ledger.journal")))
    store = FileSystemArtifactStore(run / "diagrams")
    return Client(optuna_dashboard.wsgi(storage, artifact_store=store))


def test_a_run_is_listed_with_its_trials_and_scores(client: Client, run: Path) -> None:
    before = (run / "ledger.journal").read_bytes()
    (study,) = client.get("/api/studies").get_json()["study_summaries"]
    assert (study["study_name"], study["directions"]) == ("<b>run", ["maximize"])
    told = client.get(f"/api/studies/{study['study_id']}?after=0").get_json()
    assert [trial["state"] for trial in told["trials"]] == ["Complete"] * len(SCORES)
    assert [trial["values"] for trial in told["trials"]] == [[score] for score in SCORES]
    assert told["best_trials"][0]["number"] == 4
    assert (run / "ledger.journal").read_bytes() == before


def test_those_that_led_have_their_diagram(client: Client, run: Path) -> None:
    (study,) = client.get("/api/studies").get_json()["study_summaries"]
    trials = client.get(f"/api/studies/{study['study_id']}?after=0").get_json()["trials"]
    found = {trial["number"]: trial["artifacts"] for trial in trials if trial["artifacts"]}
    assert list(found) == LED
    (artifact,) = found[4]
    assert (artifact["filename"], artifact["mimetype"]) == ("trial-0004.svg", "image/svg+xml")
    place = f"/artifacts/{study['study_id']}/{trials[4]['trial_id']}/{artifact['artifact_id']}"
    answer = client.get(place)
    assert answer.mimetype == "image/svg+xml"
    assert b"<svg" in answer.data
    assert len(list((run / "diagrams").iterdir())) == len(LED)


def test_what_is_attached_twice_is_kept_once_and_a_full_disk_stops_no_search(
    tmp_path: Path,
) -> None:
    with Ledger.create(tmp_path / "ledger.journal", "run", SPACE.genes, {}) as ledger:
        trial = candidate(0)
        ledger.start(trial.name, "candidate", trial.backbone, trial.key, trial.genotype)
        file = tmp_path / "a.svg"
        file.write_text("<svg/>")
        for _ in range(2):
            ledger.attach(0, file, tmp_path / "kept")
        assert len(list((tmp_path / "kept").iterdir())) == 1
        (tmp_path / "file").write_text("no folder")
        leaders = Leaders(ledger, tmp_path / "file")
        outcome = Measurement(1, 10, 10, 1.0, miou=0.5, loss=1.0, score=0.5)
        leaders.ending(Job(0, trial.name, trial.backbone, Fidelity(1, (32, 48), Scale())), outcome)
        ledger.finish(0, outcome)
        with pytest.raises(ValueError, match="already ended"):
            ledger.attach(0, file, tmp_path / "kept")
