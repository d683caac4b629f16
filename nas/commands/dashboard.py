"""``nas dashboard``: a live page of a run, or of a folder of runs."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from rich.console import Console
from werkzeug.serving import BaseWSGIServer, make_server

from nas.runs.reading import Shown
from results.dashboard import guard
from results.dashboard.app import make_app
from search_space.errors import UserError


def dashboard(path: Path, host: str, port: int, token: str | None, console: Console) -> None:
    """Serve until interrupted. Only this machine reaches it, unless a token is given.

    Raises:
        UserError: when nothing is there, the port is taken, or the host needs a token.
    """
    guard.check(host, token)
    shown = Shown(path)
    sources = shown()
    if len(sources) == 1:
        next(iter(sources.values())).warm()
    app = make_app(shown, path.resolve().name, token)
    server = _server(host, port, app.server)
    if hasattr(os, "nice"):
        os.nice(10)  # the search that is looked at comes first
    name = f"[{host}]" if ":" in host else host
    address = f"http://{name}:{server.server_port}/" + ("?token=TOKEN" if token else "")
    console.print(f"{path} is shown at {address} (Ctrl-C ends it)", markup=False, soft_wrap=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        console.print("ended")
    finally:
        server.server_close()


def _server(host: str, port: int, app: object) -> BaseWSGIServer:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line a request
    try:
        return make_server(host, port, app, threaded=True)  # type: ignore[arg-type]
    except (OSError, SystemExit) as error:
        reason = getattr(error, "strerror", None) or "is it taken?"
        raise UserError(
            f"--host {host} --port {port}: cannot be served ({reason}); give another --port"
        ) from None
