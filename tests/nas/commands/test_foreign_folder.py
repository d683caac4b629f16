"""A run's folder from elsewhere: nothing is written outside of it, nothing hangs, and no name in it
steers a terminal."""

from __future__ import annotations

import io
import json
import logging
import os
import shlex
from pathlib import Path

import pytest
from rich.table import Table

from nas import config
from nas.runs import events, ledgers, promotion_records
from nas.runs.artifacts import write_artifacts
from nas.runs.directory import RunDirectory
from nas.runs.evaluations import FILE
from nas.runs.inside import check_place, check_writable
from nas.runs.reading import snapshot
from nas.terminal.console import console, plain_logs
from nas.terminal.words import WordsOnly
from results.dashboard.app import make_app
from results.ledger import Ledger
from search_space.errors import UserError
from search_space.files import replacing
from search_space.printable import escaped, one_line, printable
from tests.nas.commands.test_hostile_run import SPACE, add
from tests.support.runs import SMALL, nas_here

EVIL = "$(touch pwned)\x1b]0;title\x07\x9b31m\u202eevil[link=file:///x]"


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    settings = [f"{key}={value}" for key, value in SMALL.items() if key != "controller"]
    made = RunDirectory.create(tmp_path / "in" / "it's a run", config.load("quickstart", settings))
    with ledgers.make(made, made.config(), SPACE.genes, {}) as ledger:
        add(ledger, 0, EVIL)
    return made


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What an attacker would like to have written."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / ".profile").write_text("export A=1\n")
    return folder


def untouched(outside: Path) -> bool:
    files = [path.name for path in outside.iterdir()]
    return files == [".profile"] and (outside / ".profile").read_text() == "export A=1\n"


def test_a_log_that_is_a_link_is_not_written_through(run: RunDirectory, outside: Path) -> None:
    (run.path / events.FILE).symlink_to(outside / ".profile")
    with events.logged(run.path, "search"):
        events.tell("trial started", name=EVIL)
    assert untouched(outside)


def test_a_log_has_no_escapes_and_the_same_values(run: RunDirectory) -> None:
    with events.logged(run.path, "search"):
        logging.getLogger("x").warning("%s", EVIL)
    text = (run.path / events.FILE).read_text("utf-8")
    assert text.replace("\n", "").isprintable()
    assert json.loads(text.splitlines()[1])["message"] == EVIL


@pytest.mark.parametrize("name", ["artifacts", "promotions", "promotions/x", "legs", "tensorboard"])
@pytest.mark.parametrize(
    "words",
    [["search", "--resume", "--run"], ["promote"], ["report"], ["audit", "--resume", "--run"]],
)
def test_no_command_that_writes_follows_a_link_out_of_the_run(
    words: list[str], name: str, run: RunDirectory, outside: Path
) -> None:
    (run.path / name).parent.mkdir(exist_ok=True)
    (run.path / name).symlink_to(outside, target_is_directory=True)
    done = nas_here(*words, str(run.path))
    assert done.returncode == 2
    assert f"{name}: is a link that leads out of the run" in done.stderr
    assert done.stderr.count("\n") == 1
    assert untouched(outside)


def test_links_within_the_run_and_of_the_run_itself_are_fine(run: RunDirectory) -> None:
    (run.path / "latest").symlink_to("config.yaml")
    (run.path / "wandb").mkdir()
    (run.path / "wandb" / "debug.log").symlink_to("/tmp")
    other = run.path.parent / "name"
    other.symlink_to(run.path)
    check_writable(other)
    assert write_artifacts(RunDirectory(other), ledgers.trials(run))


def test_an_evaluation_is_not_kept_through_a_link(run: RunDirectory, outside: Path) -> None:
    run.promotions.mkdir()
    (run.promotions / "x").symlink_to(outside)
    with pytest.raises(UserError, match="leads out of the run"):
        check_place(run.promotions / "x")
    (outside / FILE).touch()
    check_place(outside)


def test_a_link_in_the_place_of_a_draft_is_not_written_through(
    tmp_path: Path, outside: Path
) -> None:
    (tmp_path / ".checkpoint.pt.tmp").symlink_to(outside / ".profile")
    with replacing(tmp_path / "checkpoint.pt", alone=True) as draft:
        draft.write_text("evil")
    assert untouched(outside)


@pytest.mark.parametrize("name", ["ledger.journal", "promotions/x/promotion.json", "audit.yaml"])
def test_a_pipe_or_a_device_in_it_is_refused_not_waited_for(name: str, run: RunDirectory) -> None:
    path = run.path / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    assert "is a pipe" in nas_here("status", str(run.path)).stderr
    path.unlink()
    path.symlink_to("/dev/zero")
    assert "is a pipe" in nas_here("report", str(run.path)).stderr


def test_weights_of_a_record_lie_beside_it(run: RunDirectory) -> None:
    folder = run.promotions / "x"
    folder.mkdir(parents=True)
    record = {"last": {"macs": 1, "parameters": 1, "epochs": 1, "seconds": 1.0}, "trial": 0}
    record |= {"key": "", "seed": 0, "proxy_miou": None, "miou": None, "epoch": None}
    known = record | {"digest": None, "settings": {}, "weights": "../../best.safetensors"}
    promotion_records.write_json(folder / promotion_records.RECORD, known)
    with pytest.raises(UserError, match="damaged record"):
        promotion_records.load(folder)
    promotion_records.write_json(folder / promotion_records.RECORD, known | {"weights": "x"})
    assert promotion_records.load(folder).weights == folder / "x"


def test_no_name_steers_the_terminal_or_the_page(run: RunDirectory) -> None:
    for folder in (EVIL.replace("/", ""), "[red]x"):
        (run.promotions / folder).mkdir(parents=True)
        (run.promotions / folder / "settings.json").write_text('{"epochs": 3}')
    shown = nas_here("status", str(run.path)).stdout
    assert "evil[link" in shown
    assert "[red]x" in shown
    assert shown.replace("\n", "").isprintable()
    assert all(trial.name.isprintable() for trial in snapshot(run.path).trials)
    assert nas_here("report", str(run.path)).returncode == 0
    page = (run.path / "report.html").read_text("utf-8")
    assert not {"\x1b", "\x9b", "\u202e"} & set(page)


def test_a_run_whose_folder_has_an_evil_name_has_a_plain_one_on_its_page(
    run: RunDirectory, tmp_path: Path
) -> None:
    other = run.path.rename(tmp_path / "in" / EVIL.replace("/", ""))
    assert snapshot(other).facts.name.isprintable()
    assert "\x1b" not in nas_here("status", str(other) + "/x").stderr


def test_the_console_cleans_what_it_shows_and_keeps_its_own_colours() -> None:
    assert isinstance(console(), WordsOnly)
    shown = io.StringIO()
    said = WordsOnly(file=shown, force_terminal=True, color_system="standard")
    table = Table(EVIL)
    table.add_row(EVIL)
    said.print(table, style="red")
    text = shown.getvalue()
    assert "\x1b[31m" in text
    assert not {"\x9b", "\u202e", "\x07"} & set(text)
    assert "]0;title" in text
    assert "\x1b]" not in text


def test_what_libraries_say_in_the_terminal_has_no_escapes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_logs()
    monkeypatch.setattr(logging.getLogger("alone"), "propagate", False)
    logging.getLogger("alone").warning("%s", EVIL)
    said = capsys.readouterr().err
    assert "evil[link" in said
    assert said.replace("\n", "").isprintable()


def test_words_are_made_printable() -> None:
    assert printable("Straße\n\x1b[2J\t\udcffx") == "Straße\n[2Jx"
    assert one_line("a\r\nb\u2028c") == "a b c"
    for text in (EVIL, "Straße \U0001f600", "\U000e0001"):
        assert json.loads(escaped(json.dumps(text, ensure_ascii=False))) == text
        assert escaped(text).isprintable()


def test_commands_that_are_printed_can_be_pasted(tmp_path: Path) -> None:
    place = tmp_path / "it's $(touch pwned)"
    done = nas_here("status", str(place))
    command = done.stderr.split("`")[1]
    assert shlex.split(command) == ["nas", "search", "--run", str(place)]


def test_no_new_ledger_is_made_of_a_trial_with_a_number_for_a_name(tmp_path: Path) -> None:
    with Ledger.create(tmp_path / "x.journal", "x", SPACE.genes, {}) as ledger:
        add(ledger, 0, "plain")
    text = (tmp_path / "x.journal").read_text().replace('"plain"', "3")
    (tmp_path / "x.journal").write_text(text)
    with pytest.raises(UserError, match="trial 0 is not one of ours"):
        Ledger.open(tmp_path / "x.journal", read_only=True)


def test_the_dashboard_shows_no_escapes(run: RunDirectory) -> None:
    from nas.runs.reading import Shown

    client = make_app(Shown(run.path), "run").server.test_client()
    body = {
        "output": "main.children",
        "outputs": {"id": "main", "property": "children"},
        "inputs": [{"id": "location", "property": "search", "value": ""}],
        "changedPropIds": [],
    }
    answer = client.post("/_dash-update-component", json=body, base_url="http://127.0.0.1")
    assert answer.status_code == 200
    assert "evil[link" in answer.text
    for part in ("\\u001b", "\x1b", "\\u009b", "\u202e", "\\u202e"):
        assert part not in answer.text
