"""The page of a folder of runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dash import dcc, html

from results import units
from results.dashboard import layout
from results.dashboard.source import Source, Sources
from results.views.progress import progress
from results.views.snapshot import Snapshot
from search_space.errors import UserError

HEADINGS = ("run", "data", "controller", "candidates", "running", "failures", "best", "last news")


def page(folder: str, sources: Sources) -> list[Any]:
    """Every run with a link to its page."""
    return [
        dcc.Interval(id="list-tick", interval=layout.EVERY),
        html.H1(folder),
        html.P("The runs of this folder.", className="sub"),
        html.Section(layout.grown("list", rows(sources)), className="card first"),
    ]


def rows(sources: Sources) -> html.Div:
    """The table; a run that cannot be read says why."""
    header = html.Tr([html.Th(name) for name in HEADINGS])
    body = [_row(name, source) for name, source in sources.items()]
    return html.Div(
        html.Table([html.Thead(header), html.Tbody(body)]), className="scroll", tabIndex=0
    )


def _row(name: str, source: Source) -> html.Tr:
    link = html.Td(html.A(name, href=layout.address("", name)))
    try:
        cells = _cells(source.read()[1], source.clock())
    except UserError as error:
        said = html.Td(str(error), colSpan=len(HEADINGS) - 1, className="warn")
        return html.Tr([link, said], key=name)
    return html.Tr([link, *(html.Td(cell) for cell in cells)], key=name)


def _cells(now: Snapshot, at: datetime) -> list[str]:
    known, facts = progress(now, at), now.facts
    of = f" / {known.budget}" if known.budget else ""
    best = known.best.score if known.best else None
    return [
        facts.data,
        facts.controller,
        f"{known.done}{of}",
        str(len(known.running)),
        str(sum(known.failures.values())),
        "" if best is None else f"{facts.shown(best)} {facts.score_name}",
        "" if known.quiet is None else f"{units.duration(known.quiet)} ago",
    ]
