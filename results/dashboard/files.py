"""What can be fetched: architecture file, diagram and label maps, of trials that the ledger has.

Nothing of an address is ever a path: a run is looked up by its name among those that are shown,
a trial by its number.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import lru_cache

from flask import Flask, Response, abort, request

from results.dashboard.source import Sources
from results.trial import Trial
from results.views import detail
from results.views.snapshot import Snapshot
from search_space.architecture import Architecture
from search_space.errors import UserError

_PNG = b"\x89PNG\r\n\x1a\n"
_DRAWING = threading.Lock()  # matplotlib's settings are global


def install(server: Flask, sources: Callable[[], Sources]) -> None:
    """The routes."""

    def architecture() -> Response:
        now = _snapshot(sources())
        text = detail.spec_text(_trial(now, "trial"), now.facts)
        response = Response(text, mimetype="application/yaml")
        response.headers["Content-Disposition"] = 'attachment; filename="architecture.yaml"'
        return response

    def diagram() -> Response:
        now = _snapshot(sources())
        backbone = _trial(now, "trial").backbone
        if not isinstance(backbone, Architecture):
            abort(404)
        marked: frozenset[int] = frozenset()
        if "other" in request.args:
            found = detail.difference(backbone, _trial(now, "other").backbone)
            marked = found.blocks if found else marked
        return Response(drawn(backbone, marked), mimetype="image/svg+xml")

    def labels() -> Response:
        now = _snapshot(sources())
        picture = detail.label_maps(now, _trial(now, "trial").number)
        try:
            data = b"" if picture is None else picture.read_bytes()
        except OSError:
            abort(404)
        if not data.startswith(_PNG):
            abort(404)
        return Response(data, mimetype="image/png")

    server.add_url_rule("/labels.png", view_func=labels)
    server.add_url_rule("/architecture.yaml", view_func=architecture)
    server.add_url_rule("/diagram.svg", view_func=diagram)


def drawn(architecture: Architecture, marked: frozenset[int] = frozenset()) -> bytes:
    """The diagram as SVG; one at a time, and no diagram twice."""
    with _DRAWING:
        return _drawn(architecture, marked)


@lru_cache(maxsize=64)
def _drawn(architecture: Architecture, marked: frozenset[int]) -> bytes:
    from results import drawing  # matplotlib: when the first is wanted

    return drawing.svg(architecture, marked)


def _snapshot(sources: Sources) -> Snapshot:
    name = request.args.get("run", "")
    if name not in sources:
        abort(404)
    try:
        return sources[name].read()[1]
    except UserError as error:
        abort(Response(f"{error}\n", 500, mimetype="text/plain"))


def _trial(now: Snapshot, key: str) -> Trial:
    number = request.args.get(key, type=int)
    if number is None or number not in now.by_number:
        abort(404)
    return now.by_number[number]
