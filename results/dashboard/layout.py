"""The page's parts as Dash components. Words of a ledger are children, which React escapes.

What goes into a ``grown`` place is of ``html`` alone, without ids.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from dash import dcc, html
from dash.development.base_component import Component

from results.leaderboard import NUMBERS
from results.views import pages, style
from results.views.board import BoardRow, board_headings, board_note
from results.views.board import board as rows_of
from results.views.choices import PROPERTIES
from results.views.header import Tile, share_done, subtitle, tiles
from results.views.learnt import TITLE, lessons
from results.views.pages import VIEWS, first
from results.views.snapshot import Snapshot
from results.views.style import Figure

EVERY = 2000
"""Milliseconds between two looks at the ledger, where drawing what is new does not take long."""
TOP = tuple(VIEWS)[:2]
"""Views at the top of the page. The others, and the leaderboard, are asked for a little later: the
server answers one question after the other."""
PICKS = {
    "axis-y": ("y", "front", 1),
    "axis-x": ("x", "front", 0),
    "property": ("of", "favourites", 0),
}
"""Store of a choice -> its label, the view that it is for, and its place among what that view
shows at first."""


def shell() -> html.Div:
    """What every page has."""
    return html.Div(
        [
            dcc.Location(id="location"),
            dcc.Store(id="scheme"),
            dcc.Store(
                id="look",
                data={"partners": style.DARK, "config": style.CONFIG, "every": EVERY},
            ),
            html.Main(id="main", className="page"),
        ]
    )


def run_page(
    name: str,
    version: int,
    now: Snapshot,
    several: bool,
    axes: Mapping[str, str],
    figures: Mapping[str, str],
) -> list[Any]:
    """The page of one run with all that it shows at first: a callback for each part would cost the
    browser as much as drawing it."""
    back: list[Any] = [html.A("all runs", href="?"), " · "] if several else []
    chosen = {key: first(view, now.facts)[at] for key, (_, view, at) in PICKS.items()}
    stores = [dcc.Store(id=key, data=value) for key, value in chosen.items()]
    cards = [card(key, now, figures[key], _controls(key, axes, chosen)) for key in VIEWS]
    return [
        dcc.Store(id="run", data=name),
        dcc.Store(id="version", data=version),
        dcc.Store(id="later", data=version),
        dcc.Store(id="pressed"),
        dcc.Store(id="pins", data=[]),
        dcc.Store(id="told"),
        *stores,
        dcc.Interval(id="tick", interval=EVERY),
        html.Header(
            [
                html.H1(now.facts.name),
                html.P([*back, subtitle(now.facts)], className="sub"),
                *grown("head", head(share_done(now), tiles(now))),
                html.Div(id="trouble"),
            ]
        ),
        html.Div(
            [
                *cards[: len(TOP)],
                html.Section(id="detail", className="card wide"),
                html.Section(grown("board", board(now)), className="card wide"),
                html.Section(grown("lessons", learnt(now)), className="card wide"),
                *cards[len(TOP) :],
            ],
            className="grid",
        ),
    ]


def card(name: str, now: Snapshot, data: str, controls: Sequence[Any] = ()) -> html.Section:
    """A view with its heading, its note, and a graph of the data."""
    view, words = VIEWS[name], note(name, pages.note(name, now))
    return html.Section(
        [
            html.Div([html.H2(view.title), *_beside(controls)], className="head"),
            html.P(words, className="note", id={"type": "note", "name": name}),
            *graph(name, data),
        ],
        className="card wide" if view.wide else "card",
    )


def _beside(controls: Sequence[Any]) -> list[Any]:
    return [html.Div(controls, className="controls")] if controls else []


def grown(name: str, tree: Any = None) -> list[Any]:
    """A place whose content changes while it is looked at, and the store that it is drawn from:
    what stays the same is left standing, which a callback's children are not (assets/nas.js)."""
    return [dcc.Store(id=f"{name}-tree", data=plain(tree)), html.Div(id=name)]


def plain(tree: Any) -> Any:
    """Components as JSON, for a ``grown`` place."""
    if isinstance(tree, list):
        return [plain(each) for each in tree]
    if not isinstance(tree, Component):
        return tree
    known: dict[str, Any] = tree.to_plotly_json()
    props = known["props"]
    return {"type": known["type"], "props": props | {"children": plain(props.get("children"))}}


def note(name: str, words: str) -> str:
    """The line under a title, with what a click does."""
    return f"{words} Click one to pin it, and a second to compare." if name == "front" else words


def text(figure: Figure) -> str:
    """As the stores keep it: Dash walks through every number of whatever is no string, in the
    browser too."""
    return json.dumps(figure, allow_nan=False)


def graph(name: str, data: str, low: bool = False) -> list[Any]:
    """The store of a figure, and the place where the page's script draws it: Dash's own graph would
    first draw an empty one, and all of them at once."""
    return [
        dcc.Store(id={"type": "data", "name": name}, data=data),
        html.Div(
            html.Div(id={"type": "graph", "name": name}, className="plot"),
            id=f"frame-{name}",
            className="frame low" if low else "frame",
        ),
    ]


def _controls(name: str, axes: Mapping[str, str], chosen: Mapping[str, str]) -> list[Any]:
    titles = {key: title.replace(" of one image", "") for key, title in axes.items()}
    return [
        _select(store, titles if view == "front" else PROPERTIES, chosen[store])
        for store, (_, view, _) in PICKS.items()
        if view == name
    ]


def _select(store: str, options: Mapping[Any, str], chosen: str) -> html.Label:
    label = PICKS[store][0]
    # The first option is the one that a browser shows.
    ordered = sorted(options.items(), key=lambda pair: pair[0] != chosen)
    items = [html.Option(title, value=key) for key, title in ordered]
    return html.Label(
        [label, html.Select(items, id=f"select-{store}", **wild(store=store))],
        className="pick",
    )


def head(share: float | None, shown: Sequence[Tile]) -> list[Any]:
    """Progress bar and tiles."""
    width = {"width": f"{100 * (share or 0):.1f}%"}
    bar = html.Div(html.Div(style=width), className="bar") if share is not None else html.Br()
    return [bar, html.Div([_tile(tile) for tile in shown], className="tiles")]


def _tile(tile: Tile) -> html.Div:
    remark = html.Span(tile.remark, className="warn" if tile.warn else "")
    return html.Div([html.Span(tile.name), html.B(tile.value), remark], className="tile")


def trouble(words: str) -> html.P:
    """A mistake in one line."""
    return html.P(words, className="error", role="alert")


def board(now: Snapshot) -> list[Any]:
    """The leaderboard; a name pins its trial."""
    rows, named = rows_of(now), board_headings(now)
    sides = {key: "right" if key in NUMBERS else "" for key in named}
    header = html.Tr([html.Th(named[key], className=side) for key, side in sides.items()])
    body = [_board_row(row, sides) for row in rows]
    return [
        html.Div(html.H2("Leaderboard"), className="head"),
        html.P(f"{board_note(now, len(rows))} Click a name to pin it.", className="note"),
        html.Div(
            html.Table([html.Thead(header), html.Tbody(body)]), className="scroll", tabIndex=0
        ),
    ]


def _board_row(row: BoardRow, sides: Mapping[str, str]) -> html.Tr:
    at = list(sides).index("name")
    cells: list[Any] = list(row.cells)
    cells[at] = html.Button(cells[at], className="link", **wild(trial=row.trial))
    marks = ["front"] * row.front + ["baseline"] * row.baseline
    pairs = zip(cells, sides.values(), strict=True)
    tds = [html.Td(c, className=side) for c, side in pairs]
    return html.Tr(tds, className=" ".join(marks), key=f"trial-{row.trial}")


def learnt(now: Snapshot) -> list[Any]:
    """What full trainings came to by class; before there is one, that there is none."""
    heading = html.Div(html.H2(TITLE), className="head")
    if (known := lessons(now)) is None:
        return [heading, html.P("Nothing has been promoted yet.", className="note")]
    return [
        heading,
        *(html.P(each, className="note warn") for each in known.warnings),
        table(known.headings, known.rows, right=1),
        *(html.P(each, className="note") for each in known.notes),
    ]


def wild(**values: object) -> Any:
    """``data-NAME`` attributes, which the page's script looks for."""
    return {f"data-{name}": str(value) for name, value in values.items()}


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: int) -> html.Div:
    """A plain table; the columns from ``right`` on are numbers."""
    side = ["right" if i >= right else "" for i in range(len(headings))]
    header = [html.Th(text, className=s) for text, s in zip(headings, side, strict=True)]
    body = [
        html.Tr([html.Td(text, className=s) for text, s in zip(row, side, strict=True)])
        for row in rows
    ]
    return html.Div(
        html.Table([html.Thead(html.Tr(header)), html.Tbody(body)]),
        className="scroll",
        tabIndex=0,
    )


def address(path: str, run: str, **more: object) -> str:
    """Of something of a run; names are quoted."""
    return f"{path}?{urlencode({'run': run, **more})}"
