from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from results import report
from results.views.snapshot import Promoted
from search_space.errors import UserError
from tests.support.observed import FACTS, HOSTILE, baseline, candidate, failed, snapshot


class Page(HTMLParser):
    """Elements with their attributes, the words between them, and the scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.words: list[str] = []
        self.script: dict[str, str | None] | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.script = dict(attrs) if tag == "script" else None

    def handle_data(self, data: str) -> None:
        if self.script is None:
            self.words.append(data)
        else:
            self.scripts.append((self.script, data))

    def handle_endtag(self, tag: str) -> None:
        self.script = None


@pytest.fixture(scope="module")
def text() -> str:
    trials = [baseline(0, HOSTILE), *(candidate(n, HOSTILE) for n in range(1, 14))]
    trials.append(failed(14, HOSTILE))
    return report.report(snapshot(trials, replace(FACTS, name=HOSTILE, data=HOSTILE)))


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "base", "form")
        for name in ("src", "href", "action", "srcset"):
            assert (attributes.get(name) or "data:").startswith("data:")
    policy = next(a["content"] for _, a in page.elements if a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data: blob:;")
    assert "url(" not in report._asset("style.css")


def test_only_the_reports_own_scripts_may_run(page: Page) -> None:
    policy = next(str(a["content"]) for _, a in page.elements if a.get("http-equiv"))
    run = [body for attributes, body in page.scripts if not attributes.get("type")]
    assert len(run) == 2
    for body in run:
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "unsafe-inline" not in policy.split("script-src")[1]


def test_words_of_a_ledger_stay_words(page: Page, text: str) -> None:
    assert not any("onerror" in attributes for _, attributes in page.elements)
    assert HOSTILE in page.words  # a name as the reader sees it
    images = [a for tag, a in page.elements if tag == "img"]
    assert {(a["src"] or "")[:26] for a in images} == {"data:image/svg+xml;base64,"}
    assert "<img src=x" not in text


def test_figures_are_data_that_every_place_of_the_page_draws(page: Page) -> None:
    (known,) = [json.loads(body) for attributes, body in page.scripts if attributes.get("type")]
    places = {a["id"] for _, a in page.elements if (a.get("id") or "").startswith("plot-")}
    assert {f"plot-{name}" for name in known["figures"]} == places
    assert known["config"]["toImageButtonOptions"]["format"] == "svg"
    assert len(known["figures"]["best"]["data"][0]["x"]) == 13


def test_diagrams_are_svg_without_scripts(page: Page) -> None:
    sources = [a["src"] or "" for tag, a in page.elements if tag == "img"]
    assert len(sources) == report.BEST
    drawn = base64.b64decode(sources[0].split(",", 1)[1]).decode()
    assert drawn.startswith("<?xml")
    assert not re.search(r"<script|onload|href=.https?:", drawn)


def test_what_was_learnt_stands_there_with_its_warnings(page: Page) -> None:
    blind = Promoted(
        HOSTILE, 3, 0.31, 60, 10, 10, 1.0, classes=("soil", HOSTILE), class_iou=(0.62, 0.0),
        warning=f"{HOSTILE} knows soil alone", note=HOSTILE,
    )  # fmt: skip
    text = report.report(snapshot([candidate(3)], promoted=[blind]))
    assert "<img src=x" not in text
    assert f"{HOSTILE} knows soil alone" in Page(text).words
    assert "62.0" in Page(text).words
    assert report.TITLE in Page(text).words
    assert report.TITLE not in page.words  # nothing was promoted there


def test_a_run_without_trials_is_a_page_too(tmp_path: Path) -> None:
    path = report.write(snapshot([]), tmp_path / "empty.html")
    assert "no candidate has a score yet" in path.read_text("utf-8")
    assert [each.name for each in tmp_path.iterdir()] == ["empty.html"]


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be written"):
        report.write(snapshot([]), tmp_path / "none" / "report.html")


def test_data_cannot_end_the_element_that_it_stands_in() -> None:
    text = report._json({HOSTILE: [HOSTILE]})
    assert "<" not in text
    assert json.loads(text) == {HOSTILE: [HOSTILE]}
