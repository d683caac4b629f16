"""``nas data cache`` shows what the cache holds, and empties it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from nas import config as configs
from nas.parts import build
from proxy_tasks.datasets.locks import used
from tests.support.runs import arguments, nas_here


@pytest.fixture
def packs(tmp_path: Path) -> tuple[Path, Path]:
    """Two packs in one cache, of which one was not used for ten days."""
    found = []
    for size in ("[32, 48]", "[32, 32]"):
        given = arguments(tmp_path / "cache", data__scenes="[2, 1]", proxy__size=size)
        config = configs.load("quickstart", [each for each in given if each != "--set"])
        found.append(build.packed(config, config.proxy, Console(quiet=True)))
    for path in found[1].iterdir():
        then = path.stat().st_mtime - 10 * 86400
        os.utime(path, (then, then))
    first, second = found
    return first, second


def told(packs: tuple[Path, Path], *words: str) -> dict[str, Any]:
    done = nas_here("data", "cache", "--set", f"data.cache={packs[0].parent}", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if "--json" in words else {"text": done.stdout}


def test_packs_are_listed(packs: tuple[Path, Path]) -> None:
    known = told(packs, "--json")
    assert {each["path"] for each in known["entries"]} == set(map(str, packs))
    assert known["bytes"] == sum(p.stat().st_size for pack in packs for p in pack.iterdir())
    assert not any(each["in_use"] or each["removed"] for each in known["entries"])
    text = told(packs)["text"]
    assert all(pack.name in text for pack in packs)
    assert "10.0 days ago" not in text.splitlines()[0]
    assert f"{packs[0].parent}: " in text


def test_only_what_was_not_used_for_so_long_goes(packs: tuple[Path, Path]) -> None:
    (old,) = told(packs, "--older-than", "9.5", "--json")["entries"]
    assert (old["path"], old["removed"]) == (str(packs[1]), False)
    assert "removed" in told(packs, "--older-than", "9.5", "--clear")["text"]
    assert [pack.exists() for pack in packs] == [True, False]


def test_what_a_command_uses_stays(packs: tuple[Path, Path]) -> None:
    with used(packs[0]):
        known = {each["path"]: each for each in told(packs, "--clear", "--json")["entries"]}
    assert [pack.exists() for pack in packs] == [True, False]
    assert [(known[str(p)]["in_use"], known[str(p)]["removed"]) for p in packs] == [
        (True, False), (False, True),
    ]  # fmt: skip
    assert "0.0 MB still in use" in told(packs, "--clear")["text"]
    assert not packs[0].exists()


@pytest.mark.parametrize("days", ["-1", "nan", "inf"])
def test_days_that_are_none_are_refused(packs: tuple[Path, Path], days: str) -> None:
    done = nas_here("data", "cache", "--clear", "--older-than", days)
    assert done.returncode == 2
    assert "give a number of days, 0 or more" in done.stderr
    assert all(pack.exists() for pack in packs)
