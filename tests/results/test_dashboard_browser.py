"""The dashboard in a real browser, in front of a real search that is running."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from search_space import architecture_file
from tests.support.runs import arguments, command, environment

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium is installed")

PATIENCE = 240_000
"""Milliseconds; a busy machine starves the browser, the server and the search alike."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the dashboard of a search that goes on as long as the test."""
    folder = tmp_path_factory.mktemp("live")
    run = folder / "<i>live"
    words = ("search", "--engine", "inline", "--trials", "100000", "--run", str(run))
    small = arguments(folder / "cache", baselines="[]", controller="{name: random}")
    search = subprocess.Popen(command(*words, *small), env=environment(), stdout=subprocess.DEVNULL)
    while not (run / "ledger.journal").exists():
        assert search.poll() is None, "the search has died"
    page = subprocess.Popen(
        command("dashboard", str(run), "--port", "0"), env=environment(),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert page.stdout is not None
        yield page.stdout.readline().split(" is shown at ")[1].split()[0]
        assert search.poll() is None, "the search has died"
    finally:
        for process in (page, search):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def test_a_running_search_is_seen_pinned_compared_and_taken_away(
    address: str, browser: Any, tmp_path: Path
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    page.set_default_timeout(PATIENCE)
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.goto(address)

    # It opens, and follows the search by itself.
    names = page.locator("#board button[data-trial]")
    names.nth(2).wait_for()
    assert page.locator("h1").inner_text() == "<i>live"
    points = "(document.querySelectorAll('.js-plotly-plot')[0]?.data?.[0].x.length ?? 0)"
    page.wait_for_function(f"{points} > 2")
    # What is there stays where it is: not made anew under the pointer, nor scrolled back.
    rows = "[...document.querySelectorAll('#board tbody tr')]"
    scrolled = "document.querySelector('#board .scroll').scrollTop"
    page.add_style_tag(content="#board .scroll { max-height: 60px }")
    seen = page.evaluate(f"{rows}.map(row => row.seen = row.innerText.split('\\t')[2]).slice(0, 5)")
    page.evaluate(f"{scrolled} = 9")
    for _ in range(2):
        page.wait_for_function(f"{points} > {page.evaluate(points)}")
    kept = page.evaluate(f"{rows}.filter(row => row.seen).map(row => row.seen)")
    assert set(seen) <= set(kept)
    assert page.evaluate(f"{rows}.every(row => !row.seen || row.innerText.includes(row.seen))")
    assert page.evaluate(scrolled) > 0

    # A click pins, a second compares, and what is pinned can be taken away.
    # By number: the board goes on changing.
    pinned, compared = (names.nth(n).get_attribute("data-trial") for n in (0, 1))
    page.locator(f'#board button[data-trial="{pinned}"]').click()
    picture = page.locator("#detail img.diagram")
    picture.first.wait_for()
    page.wait_for_function("document.querySelector('#detail img').naturalWidth > 100")
    with page.expect_download() as download:
        page.get_by_role("link", name="architecture.yaml").click()
    taken = tmp_path / "architecture.yaml"
    download.value.save_as(taken)
    assert architecture_file.load_spec(taken).provenance["run"] == "<i>live"
    page.locator(f'#board button[data-trial="{compared}"]').click()
    page.get_by_text("blocks differ").wait_for()
    assert picture.count() == 2

    # The reader's system decides the colours; a narrow window scrolls in one direction only.
    ink = "document.querySelectorAll('.js-plotly-plot')[1].layout.font?.color"
    page.evaluate("scrollTo(0, 0)")  # what is out of view is drawn when it comes into it
    page.wait_for_function(ink)
    light = page.evaluate(ink)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{ink} !== '{light}'")
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth")

    bars = "document.querySelector('#frame-genes .js-plotly-plot')?.data?.length"
    page.locator("#frame-genes").scroll_into_view_if_needed()
    page.wait_for_function(bars)

    assert all(url.startswith((address, "data:", "blob:")) for url in asked), asked
    assert wrong == []
    page.close()
