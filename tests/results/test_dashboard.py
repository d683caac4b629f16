"""The dashboard's server without a browser: who may look, what is served, what follows the run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from results.dashboard import guard
from results.dashboard.app import make_app
from results.dashboard.source import Source
from results.views.pages import VIEWS
from results.views.snapshot import Promoted
from search_space import architecture_file
from search_space.errors import UserError
from tests.support.observed import HOSTILE, FakeRun, baseline, candidate, failed, running

TOKEN = "a-token-of-some-length"
LOCAL = "http://127.0.0.1:8050"


@pytest.fixture
def run() -> FakeRun:
    return FakeRun([baseline(0), *(candidate(n) for n in range(1, 13)), running(13)])


@pytest.fixture
def client(run: FakeRun) -> FlaskClient:
    source = Source(run)
    return make_app(lambda: {"demo": source}, "demo").server.test_client()


def ask(client: FlaskClient, output: str, inputs: list[Any], state: list[Any]) -> TestResponse:
    """Call a callback as the page does. Outputs and inputs are ``id.property`` with values."""

    def part(key: str, value: Any) -> dict[str, Any]:
        name, _, what = key.rpartition(".")
        return {
            "id": json.loads(name) if name[0] == "{" else name,
            "property": what,
            "value": value,
        }

    outputs = output.strip(".").split("...")
    specs = [part(each, None) for each in outputs]
    for spec in specs:
        spec.pop("value")
    body = {
        "output": output,
        "outputs": specs if output.startswith("..") else specs[0],
        "inputs": [part(*each) for each in inputs],
        "state": [part(*each) for each in state],
        "changedPropIds": [],
    }
    return client.post("/_dash-update-component", json=body, base_url=LOCAL)


def tick(client: FlaskClient, version: int | None, name: str = "demo") -> dict[str, Any]:
    output = "..head-tree.data...version.data...trouble.children.."
    state = [("run.data", name), ("version.data", version)]
    response = ask(client, output, [("tick.n_intervals", 0)], state)
    assert response.status_code == 200
    found: dict[str, Any] = response.get_json()["response"]
    return found


def details(client: FlaskClient, pins: list[Any], told: str | None = None) -> TestResponse:
    state = [("run.data", "demo"), ("told.data", told)]
    inputs = [("pins.data", pins), ("version.data", 1)]
    return ask(client, "..detail.children...told.data..", inputs, state)


def page(client: FlaskClient, search: str = "") -> str:
    response = ask(client, "main.children", [("location.search", search)], [])
    return json.dumps(response.get_json())


def test_the_page_follows_the_run_and_rests_when_nothing_happens(
    client: FlaskClient, run: FakeRun
) -> None:
    assert tick(client, None)["version"]["data"] == 1
    assert "version" not in tick(client, 1)
    run.listed[-1] = candidate(13)
    assert tick(client, 1)["version"]["data"] == 2
    assert "13 / 60" in json.dumps(tick(client, 2)["head-tree"])


def test_a_source_draws_anew_only_where_there_is_more_to_draw(run: FakeRun) -> None:
    source = Source(run)
    version, first = source.read()
    drawn = source.figure("best")
    assert source.read() == (version, first)
    assert source.read()[1] is first
    run.listed += [running(14), failed(15)]
    assert source.read()[0] == version
    assert len(source.read()[1].trials) == len(first.trials) + 2
    assert source.figure("best") is drawn
    run.listed[14] = candidate(14)
    assert source.read()[0] == version + 1
    assert len(source.figure("best")["data"][0]["x"]) == len(drawn["data"][0]["x"]) + 1


def test_a_run_that_breaks_says_so_and_the_page_stays(
    client: FlaskClient, run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Any:
        raise UserError("ledger.journal: the ledger is damaged")

    tick(client, None)
    monkeypatch.setattr(run, "trials", broken)
    found = tick(client, 1)
    assert "the ledger is damaged" in json.dumps(found["trouble"])
    assert "head-tree" not in found
    assert "the ledger is damaged" in page(client)


def test_an_architecture_is_served_as_a_file_that_loads(client: FlaskClient, run: FakeRun) -> None:
    response = client.get("/architecture.yaml?run=demo&trial=3", base_url=LOCAL)
    assert response.headers["Content-Disposition"] == 'attachment; filename="architecture.yaml"'
    assert architecture_file.loads(response.text).backbone == run.listed[3].backbone


def test_a_diagram_is_served_and_marks_what_differs(client: FlaskClient) -> None:
    alone = client.get("/diagram.svg?run=demo&trial=3", base_url=LOCAL)
    both = client.get("/diagram.svg?run=demo&trial=3&other=4", base_url=LOCAL)
    assert alone.mimetype == "image/svg+xml"
    assert b"#f0e442" not in alone.data
    assert b"#f0e442" in both.data


def test_label_maps_of_what_was_promoted_are_served(
    client: FlaskClient, run: FakeRun, tmp_path: Path
) -> None:
    picture, other = tmp_path / "labels.png", tmp_path / "other.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n...")
    other.write_text("a password")
    for number, file in ((3, picture), (4, other)):
        run.full.append(Promoted("a", number, 0.5, 60, 10, 10, 1.0, file))
    assert "labels.png?run=demo&trial=3" in details(client, [3]).text
    assert "labels.png" not in details(client, [5]).text
    response = client.get("/labels.png?run=demo&trial=3", base_url=LOCAL)
    assert (response.mimetype, response.data) == ("image/png", picture.read_bytes())
    for number in (4, 5, 99):  # no picture, none promoted, none at all
        address = f"/labels.png?run=demo&trial={number}"
        assert client.get(address, base_url=LOCAL).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/architecture.yaml?run=demo&trial=99",
        "/architecture.yaml?run=demo&trial=-1",
        "/architecture.yaml?run=demo&trial=../config.yaml",
        "/architecture.yaml?run=../demo&trial=3",
        "/architecture.yaml?run=/etc/passwd&trial=3",
        "/architecture.yaml?trial=3",
        "/labels.png?run=demo&trial=../labels",
        "/diagram.svg?run=demo&trial=0",  # a ResNet has none
        "/diagram.svg?run=demo&trial=3&other=77",
        "/assets/../app.py",
        "/assets/..%2fapp.py",
        "/assets/%2e%2e/%2e%2e/report.py",
    ],
)
def test_what_the_ledger_does_not_know_is_not_served(client: FlaskClient, address: str) -> None:
    response = client.get(address, base_url=LOCAL)
    # Any other path is the page itself, which looks at nothing but ?run=.
    assert response.status_code == 404 or b"_dash-config" in response.data


def test_a_run_of_another_name_is_not_looked_for(client: FlaskClient) -> None:
    assert "has no run '../demo'" in page(client, "?run=../demo")


def test_what_a_browser_sends_is_not_believed(client: FlaskClient) -> None:
    tick(client, None)
    name = '{"name":"front","type":"data"}'
    output = f'..{name}.data...{{"name":"front","type":"note"}}.children..'
    inputs = [
        ("version.data", 1), ("axis-x.data", "__class__"), ("axis-y.data", "../x"),
        ("pins.data", [3, "<b>", None, 999]),
    ]  # fmt: skip
    response = ask(client, output, inputs, [("run.data", "demo")])
    figure = json.loads(response.get_json()["response"][name]["data"])
    assert figure["layout"]["xaxis"]["title"]["text"] == "MACs of one image (G)"
    assert "trial-0003" in details(client, ["../x", 3]).text
    for pins in ({"a": 1}, 7, "trial", None):
        inputs[1:] = [("axis-x.data", ["a"]), ("axis-y.data", {}), ("pins.data", pins)]
        assert ask(client, output, inputs, [("run.data", "demo")]).status_code == 200
        assert details(client, pins).status_code == 200  # type: ignore[arg-type]


def figures_in(node: Any) -> Iterator[tuple[str, Any]]:
    """Name and figure of every store in a page."""
    if isinstance(node, list):
        for each in node:
            yield from figures_in(each)
    if isinstance(node, dict):
        name = node.get("id")
        if isinstance(name, dict) and name["type"] == "data":
            yield name["name"], json.loads(node["data"])
        yield from figures_in(list(node.values()))


def test_the_page_comes_with_what_it_shows_at_first(client: FlaskClient) -> None:
    found = page(client)
    assert '"Leaderboard"' in found
    figures = dict(figures_in(json.loads(found)))
    assert list(figures) == list(VIEWS)
    assert len(figures["best"]["data"][0]["x"]) == 12


def test_plotly_is_fetched_before_it_is_needed(client: FlaskClient) -> None:
    (link,) = re.findall(
        r'<link rel="preload" as="script" href="(.*?)">', client.get("/", base_url=LOCAL).text
    )
    with client.get(f"/{link}", base_url=LOCAL) as script:
        assert script.status_code == 200
        assert b"plotly.js" in script.data[:200]


def test_two_pinned_ones_are_compared(client: FlaskClient) -> None:
    answer = details(client, [3, 4]).text
    assert "Two compared" in answer
    assert "trial=3&other=4" in answer
    assert "blocks differ" in answer


def test_what_is_pinned_stays_as_it_is_until_there_is_more_to_tell(
    client: FlaskClient, run: FakeRun
) -> None:
    tick(client, None)
    told = details(client, [3]).get_json()["response"]["told"]["data"]
    run.listed[-1] = candidate(13)
    tick(client, 1)
    assert details(client, [3], told).get_json()["response"] == {}
    run.full.append(Promoted("trial-0003", 3, 0.5, 60, 10, 10, 1.0))
    tick(client, 2)
    assert "detail" in details(client, [3], told).get_json()["response"]


def test_strange_names_are_text(run: FakeRun) -> None:
    run.listed[1:] = [candidate(n, HOSTILE) for n in range(1, 13)]
    source = Source(run)
    client = make_app(lambda: {"demo": source}, "demo").server.test_client()
    tick(client, None)
    output = ask(client, "board-tree.data", [("later.data", 1)], [("run.data", "demo")])
    assert json.dumps(HOSTILE)[1:-1] in json.dumps(output.get_json())
    assert b"dangerously" not in output.data
    assert HOSTILE.encode() not in client.get("/", base_url=LOCAL).data


def test_a_folder_of_runs_is_a_list(run: FakeRun) -> None:
    sources = {"one & two": Source(run), "b": Source(FakeRun())}
    client = make_app(lambda: sources, "runs").server.test_client()
    listed = page(client)
    assert "?run=one+%26+two" in listed
    assert "12 / 60" in listed
    assert '"run"' in page(client, "?run=one+%26+two")


def test_without_a_token_only_this_machine_may_look(client: FlaskClient) -> None:
    for host in ("localhost:8050", "127.0.0.1", "[::1]:8050"):
        assert client.get("/", base_url=f"http://{host}").status_code == 200
    for host in ("evil.example", "192.0.2.7:8050", "localhost.evil.example"):
        assert client.get("/", base_url=f"http://{host}").status_code == 403


def test_every_request_needs_the_token_and_a_cookie_remembers_it(run: FakeRun) -> None:
    source = Source(run)
    server = make_app(lambda: {"demo": source}, "demo", TOKEN).server
    fresh: Callable[[], FlaskClient] = lambda: server.test_client()  # noqa: E731
    for address in ("/", "/_dash-layout", "/assets/nas.js", "/architecture.yaml?run=demo&trial=3"):
        assert fresh().get(address).status_code == 401
    assert fresh().get("/?token=wrong").status_code == 401
    assert fresh().get("/", headers={"Cookie": f"{guard.COOKIE}={TOKEN}"}).status_code == 401
    visitor = fresh()
    first = visitor.get(f"/?run=demo&token={TOKEN}")
    assert (first.status_code, first.headers["Location"]) == (302, "/?run=demo")
    assert "HttpOnly" in first.headers["Set-Cookie"]
    assert TOKEN not in first.headers["Set-Cookie"]
    assert visitor.get("/_dash-layout").status_code == 200
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert fresh().get("/", headers=bearer).status_code == 200


def test_the_way_back_from_the_token_stays_on_this_server(run: FakeRun) -> None:
    source = Source(run)
    client = make_app(lambda: {"demo": source}, "demo", TOKEN).server.test_client()
    location = client.get(f"//evil.example/?token={TOKEN}").headers.get("Location", "/")
    assert location.startswith("/")
    assert not location.startswith("//")


@pytest.mark.parametrize(
    ("host", "token", "wrong"),
    [
        ("127.0.0.1", None, None), ("::1", None, None), ("localhost", None, None),
        ("0.0.0.0", None, "give --token"), ("example.org", None, "give --token"),
        ("0.0.0.0", "short", "at least 16"), ("0.0.0.0", TOKEN, None),
    ],
)  # fmt: skip
def test_others_need_a_token_that_cannot_be_guessed(
    host: str, token: str | None, wrong: str | None
) -> None:
    if wrong is None:
        guard.check(host, token)
        return
    with pytest.raises(UserError, match=wrong):
        guard.check(host, token)


def test_a_page_loads_nothing_from_elsewhere(client: FlaskClient) -> None:
    response = client.get("/", base_url=LOCAL)
    assert "http://" not in response.text.replace("http://www.w3.org", "")
    assert "https://" not in response.text
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'")
    assert "unsafe-inline" not in policy.split("script-src")[1]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_no_question_is_a_failure_of_the_server(client: FlaskClient, data: st.DataObject) -> None:
    """Whatever it gives, and whatever it leaves out: an answer, or 400."""
    dash: Any = client.application.view_functions["/_dash-layout"].__self__  # type: ignore[attr-defined]
    known = {key: each for key, each in dash.callback_map.items() if "callback" in each}
    key = data.draw(st.sampled_from(sorted(known)))

    def valued(each: dict[str, str]) -> dict[str, Any]:
        return {**each, "value": data.draw(ANYTHING)}

    outputs = known[key]["output"]
    told = [
        {"id": json.loads(name) if name[0] == "{" else name, "property": each.component_property}
        for each in (outputs if isinstance(outputs, list | tuple) else [outputs])
        for name in [each.component_id_str()]
    ]
    body: dict[str, Any] = {
        "output": key,
        "outputs": told if len(told) > 1 else told[0],
        "inputs": [valued(each) for each in known[key]["inputs"]],
        "state": [valued(each) for each in known[key]["state"]],
        "changedPropIds": [],
    }
    for name in data.draw(st.sets(st.sampled_from(sorted(body)), max_size=1)):
        body[name] = data.draw(ANYTHING)
    answer = client.post("/_dash-update-component", json=body, base_url=LOCAL)
    assert answer.status_code in (200, 204, 400), (body, answer.text[-500:])


@pytest.mark.parametrize("raw", [b"", b"{", b"null", b"[]", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_what_is_no_question_is_refused(client: FlaskClient, raw: bytes, kind: str) -> None:
    place = "/_dash-update-component"
    assert client.post(place, data=raw, content_type=kind, base_url=LOCAL).status_code == 400


def test_a_question_of_megabytes_is_refused(client: FlaskClient) -> None:
    large = b'"' + b"x" * (2 << 20) + b'"'
    answer = client.post("/_dash-update-component", data=large, base_url=LOCAL,
                         content_type="application/json")  # fmt: skip
    assert answer.status_code in (400, 413)
