"""What a browser asks of the callbacks, checked before Dash sees it: a page asks for what it was
given, and whatever else somebody sends is a bad request, no failure of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dash import Dash
from flask import Response, request

PATH = "/_dash-update-component"
LARGEST = 1 << 20
"""Bytes of a question."""

VALUES: Mapping[str, tuple[type, ...]] = {
    "location.search": (str, type(None)),
    "run.data": (str,),
    "version.data": (int, type(None)),
    "later.data": (int, type(None)),
}
"""Types of what the callbacks take as it is; of axes, pins and the like they know what may be."""


def install(app: Dash) -> None:
    """Look at every question before it is answered."""
    app.server.config["MAX_CONTENT_LENGTH"] = LARGEST

    def ask() -> Response | None:
        if request.path != PATH or request.method != "POST" or _is_ours(app, _body()):
            return None
        return Response("This is nothing that the page asks.\n", 400, mimetype="text/plain")

    app.server.before_request(ask)


def _body() -> Any:
    """None for what is no JSON."""
    try:
        return request.get_json(silent=True)
    except RecursionError:
        return None


def _is_ours(app: Dash, body: Any) -> bool:
    """Whether it asks a callback of the server for its outputs, from values that it knows."""
    if not isinstance(body, dict) or not isinstance(body.get("output"), str):
        return False
    known = app.callback_map.get(body["output"], {})
    changed = body.get("changedPropIds")
    return (
        "callback" in known
        and _same(body.get("inputs"), known["inputs"])
        and _same(body.get("state", []), known["state"])
        and _outputs(body.get("outputs")) == _outputs(known["output"])
        and isinstance(changed, list)
        and all(isinstance(each, str) for each in changed)
    )


def _same(given: Any, known: Sequence[Mapping[str, Any]]) -> bool:
    """Whether it is these ids and properties, in their order, with values of their types."""
    if not isinstance(given, list) or len(given) != len(known):
        return False
    return all(
        isinstance(each, dict)
        and (each.get("id"), each.get("property")) == (wanted["id"], wanted["property"])
        and _may_be(f"{wanted['id']}.{wanted['property']}", each.get("value"))
        for each, wanted in zip(given, known, strict=True)
    )


def _may_be(place: str, value: Any) -> bool:
    return isinstance(value, VALUES.get(place, object))


def _outputs(told: Any) -> list[tuple[str, Any]] | None:
    """(id, property) of each, as a question and as the server have them."""
    listed = told if isinstance(told, list | tuple) else [told]
    return [_output(each) for each in listed]


def _output(told: Any) -> tuple[str, Any]:
    if isinstance(told, dict):
        name, end = told.get("id"), told.get("property")
    else:
        name, end = getattr(told, "component_id", None), getattr(told, "component_property", None)
    return json.dumps(name, sort_keys=True, default=str), end
