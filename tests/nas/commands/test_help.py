"""Every command's help: whole, with examples that parse, plain where it is piped; and what the
shell completes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from nas import cli
from tests.support.runs import nas_here

ROOT = typer.main.get_command(cli.app)


def leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from leaves(inner, (*words, name))
    else:
        yield words


def found(words: tuple[str, ...]) -> tuple[Any, list[str]]:
    """The command that the words begin with, and the rest of them."""
    command, rest = ROOT, list(words)
    while hasattr(command, "commands"):
        command = command.commands[rest.pop(0)]
    return command, rest


COMMANDS = list(leaves(ROOT))


def examples(words: tuple[str, ...]) -> list[list[str]]:
    """The words behind ``nas`` of the help's lines that begin with it, or with a variable."""
    lines = (found(words)[0].help or "").splitlines()
    begun = [re.match(r"\s*(?:\w+=\S+ )*nas (.*)", line) for line in lines]
    return [shlex.split(match[1]) for match in begun if match]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_examples_and_they_parse(words: tuple[str, ...]) -> None:
    given = examples(words)
    assert any(tuple(example[: len(words)]) == words for example in given)
    for example in given:
        command, rest = found(tuple(example))
        command.make_context("nas", rest)  # raises for what the command does not know


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_shows_all_that_is_said_of_an_option_without_colours(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    said = nas_here(*words, "--help").stdout
    assert "\x1b" not in said
    plain = " ".join(said.replace("│", " ").split())
    for option in found(words)[0].params:
        assert " ".join((getattr(option, "help", "") or "").split()) in plain
        shown = getattr(option, "show_default", "")
        if isinstance(shown, str):
            assert shown in plain


@pytest.fixture
def completed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What Tab offers behind ``nas WORDS`` in bash."""

    def complete(*words: str) -> list[str]:
        monkeypatch.setenv("_NAS_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", " ".join(("nas", *words)))
        monkeypatch.setenv("COMP_CWORD", str(len(words)))
        return nas_here().stdout.split()

    return complete


def test_the_shell_completes_commands_runs_and_configs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, completed: Callable[..., list[str]]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("camvid", "cars", "no-run", ".hidden"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    for name in ("camvid", "cars"):
        (tmp_path / "runs" / name / "config.yaml").touch()
    (tmp_path / "mine.yaml").touch()
    (tmp_path / "mine.txt").touch()
    assert "report" in completed("rep")
    assert completed("status", "runs/c") == ["runs/camvid", "runs/cars"]
    assert completed("dashboard", "") == ["runs/camvid", "runs/cars", "runs/no-run/"]
    assert completed("status", "elsewhere/") == []
    assert "quickstart" in completed("search", "")
    assert completed("search", "mi") == ["mine.yaml"]


def test_a_quiet_command_says_nothing_but_what_is_wrong(tmp_path: Path) -> None:
    done = nas_here("export", "spinenet-49", "-q", "-o", str(tmp_path / "out"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list((tmp_path / "out").iterdir())
    done = nas_here("report", "--quiet", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "no run is here" in done.stderr
