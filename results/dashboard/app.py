"""The dashboard's server: pages, and what makes them follow the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from dash import MATCH, ClientsideFunction, Dash, Input, Output, State, no_update

from results.dashboard import asked, detail, files, guard, layout, run_list
from results.dashboard.source import Source, Sources
from results.views import header
from results.views.choices import PROPERTIES
from results.views.detail import pinned_trials
from results.views.front import AXES, known_axes, ringed
from results.views.pages import VIEWS, first, note
from results.views.snapshot import Snapshot
from results.views.style import Figure
from search_space.errors import UserError

# Else a browser begins to fetch the largest file when the first figure is there to be drawn.
PLOTLY = "_dash-component-suites/plotly/package_data/plotly.min.js"
PRELOADED = f'<link rel="preload" as="script" href="{PLOTLY}">'


def make_app(sources: Callable[[], Sources], folder: str, token: str | None = None) -> Dash:
    """The application; ``app.server`` is its WSGI server.

    ``sources`` gives the runs that are shown; with more than one, or none, the first page is
    the list of the ``folder``'s runs. ``token``: what every request must bring, see guard.
    """
    app = Dash(
        __name__,
        title=f"nas · {Path(folder).name}",
        update_title="",
        serve_locally=True,
        suppress_callback_exceptions=True,
        assets_folder=str(Path(__file__).parent / "assets"),
        meta_tags=[{"name": "viewport", "content": "width=device-width, initial-scale=1"}],
    )
    app.index_string = app.index_string.replace("{%css%}", f"{PRELOADED}{{%css%}}")
    app.layout = layout.shell
    _pages(app, sources, folder)
    _run(app, sources)
    _figures(app, sources)
    _browser(app)
    files.install(app.server, sources)
    guard.install(app.server, token, app.csp_hashes())
    asked.install(app)
    return app


def _pages(app: Dash, sources: Callable[[], Sources], folder: str) -> None:
    @app.callback(Output("main", "children"), Input("location", "search"))
    def page(search: str | None) -> Any:
        known = sources()
        asked = parse_qs((search or "").lstrip("?")).get("run", [""])[0]
        name = asked or (next(iter(known)) if len(known) == 1 else "")
        if not name:
            return run_list.page(folder, known)
        if name not in known:
            words = f"{folder} has no run {name!r}; the address without ?run= lists them"
            return [layout.trouble(words)]
        try:
            version, now = known[name].read()
        except UserError as error:
            return [layout.trouble(str(error))]
        figures = {view: layout.text(_drawn(known[name], now, view, ())) for view in VIEWS}
        return layout.run_page(name, version, now, len(known) > 1, known_axes(now), figures)

    @app.callback(
        Output("list-tree", "data"), Input("list-tick", "n_intervals"), prevent_initial_call=True
    )
    def listed(_: Any) -> Any:
        return layout.plain(run_list.rows(sources()))


def _run(app: Dash, sources: Callable[[], Sources]) -> None:
    @app.callback(
        Output("head-tree", "data"),
        Output("version", "data"),
        Output("trouble", "children"),
        Input("tick", "n_intervals"),
        State("run", "data"),
        State("version", "data"),
        # Else the figures would wait for it, and stay away when nothing has changed since.
        prevent_initial_call=True,
    )
    def tick(_: Any, name: str, shown: int | None) -> Any:
        try:
            source = sources()[name]
            version, now = source.read()
        except (UserError, KeyError) as error:
            words = str(error) if isinstance(error, UserError) else f"{name}: is gone"
            return no_update, no_update, layout.trouble(words)
        head = layout.plain(layout.head(header.share_done(now), header.tiles(now, source.clock())))
        return head, no_update if version == shown else version, None

    @app.callback(
        Output("board-tree", "data"),
        Input("later", "data"),
        State("run", "data"),
        prevent_initial_call=True,  # the page comes with it
    )
    def leaderboard(_: Any, name: str) -> Any:
        now = _latest(sources, name)
        return no_update if now is None else layout.plain(layout.board(now))

    @app.callback(
        Output("lessons-tree", "data"),
        Input("later", "data"),
        State("run", "data"),
        prevent_initial_call=True,  # the page comes with it
    )
    def learnt(_: Any, name: str) -> Any:
        now = _latest(sources, name)
        return no_update if now is None else layout.plain(layout.learnt(now))

    @app.callback(
        Output("detail", "children"),
        Output("told", "data"),
        Input("pins", "data"),
        Input("version", "data"),
        State("run", "data"),
        State("told", "data"),
    )
    def details(pins: Any, _: Any, name: str, told: str | None) -> Any:
        now = _latest(sources, name)
        if now is None:
            return no_update, no_update
        pinned = pinned_trials(now, _numbers(pins))
        digest = detail.digest(now, pinned)
        return (no_update,) * 2 if digest == told else (detail.card(name, now, pinned), digest)


def _latest(sources: Callable[[], Sources], name: str) -> Snapshot | None:
    """As the last tick found it. None where the run cannot be read: the tick says why, and all
    else stays."""
    try:
        return sources()[name].latest()
    except (UserError, KeyError):
        return None


def _figures(app: Dash, sources: Callable[[], Sources]) -> None:
    extra = {
        "front": (Input("axis-x", "data"), Input("axis-y", "data"), Input("pins", "data")),
        "favourites": (Input("property", "data"),),
        "over-time": (Input("property", "data"),),
    }
    for name in VIEWS:
        _figure(app, sources, name, extra.get(name, ()))


def _figure(app: Dash, sources: Callable[[], Sources], view: str, extra: tuple[Input, ...]) -> None:
    @app.callback(
        Output({"type": "data", "name": view}, "data"),
        Output({"type": "note", "name": view}, "children"),
        State("run", "data"),
        Input("version" if view in layout.TOP else "later", "data"),
        *extra,
        prevent_initial_call=True,  # the page comes with it
    )
    def draw(run: str, version: int | None, *chosen: Any) -> Any:
        now = _latest(sources, run) if version else None
        if now is None:
            return no_update, no_update
        drawn = _drawn(sources()[run], now, view, chosen)
        return layout.text(drawn), layout.note(view, note(view, now))


def _drawn(source: Source, now: Snapshot, view: str, chosen: Sequence[Any]) -> Figure:
    """With what a reader has chosen, or before: axes and pins of the front, the property of the
    shares."""
    usual = first(view, now.facts)
    if view != "front":
        known = map(partial(_one_of, PROPERTIES), chosen or usual, usual)
        return source.figure(view, *known)
    *axes, pins = chosen or (*usual, ())
    x, y = map(partial(_one_of, AXES), axes, usual)
    return ringed(source.figure(view, x, y), now, x, y, _numbers(pins))


def _one_of(known: Mapping[Any, Any], chosen: Any, first: str) -> str:
    """What a browser sends is whatever somebody makes it send."""
    return chosen if isinstance(chosen, str) and chosen in known else first


def _numbers(pins: Any) -> list[int]:
    return [n for n in pins if isinstance(n, int)] if isinstance(pins, list) else []


def _browser(app: Dash) -> None:
    """What needs no server: see assets/nas.js."""

    def script(name: str) -> ClientsideFunction:
        return ClientsideFunction("nas", name)

    app.clientside_callback(script("scheme"), Output("scheme", "data"), Input("scheme", "id"))
    app.clientside_callback(
        script("paint"),
        Output({"type": "graph", "name": MATCH}, "role"),
        Input({"type": "data", "name": MATCH}, "data"),
        Input("scheme", "data"),
        State("look", "data"),
        State({"type": "graph", "name": MATCH}, "id"),
    )
    app.clientside_callback(
        script("rest"),
        Output("tick", "interval"),
        Input("tick", "n_intervals"),
        State("tick", "interval"),
        State("look", "data"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        script("later"),
        Output("later", "data"),
        Input("version", "data"),
        prevent_initial_call=True,
    )
    for name in ("head", "board", "lessons", "list"):
        app.clientside_callback(
            script("grow"), Output(name, "role"), Input(f"{name}-tree", "data"), State(name, "id")
        )
    app.clientside_callback(
        script("press"),
        Output("pins", "data"),
        Input("pressed", "data"),
        State("pins", "data"),
        prevent_initial_call=True,
    )
