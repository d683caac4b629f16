"""Access to the page: a token where it can be reached from elsewhere, and no requests from other
sites."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from urllib.parse import urlencode

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from search_space.errors import UserError

COOKIE = "nas-dashboard"
SHORTEST = 16
"""Characters of a token: what can be guessed is no lock."""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server on this host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check(host: str, token: str | None) -> None:
    """UserError for a host that others reach without a token, or a token that can be guessed."""
    if token is None and not is_loopback(host):
        raise UserError(
            f"--host {host}: others can reach the page there; give --token"
            f" (at least {SHORTEST} characters), or leave --host out"
        )
    if token is not None and len(token) < SHORTEST:
        raise UserError(f"--token: at least {SHORTEST} characters are needed but got {len(token)}")


def install(server: Flask, token: str | None, scripts: Sequence[str]) -> None:
    """Look at every request before it is answered; ``scripts`` are the hashes of what may run."""
    policy = (
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline';"
        " frame-ancestors 'none'; base-uri 'none'; form-action 'none';"
        # plotly.js compiles its WebGL kernels, hence unsafe-eval.
        f" script-src 'self' 'unsafe-eval' {' '.join(scripts)}"
    )

    def ask() -> AnyResponse | None:
        return _refuse_strangers() if token is None else _ask_token(token)

    def seal(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    server.before_request(ask)
    server.after_request(seal)


def _refuse_strangers() -> AnyResponse | None:
    """Without a token only names of this machine: another name that leads here is a stranger's
    page that reads ours (DNS rebinding)."""
    host = request.host.rsplit(":", 1)[0] if "]" not in request.host else request.host
    name = host.split("]")[0].strip("[]")
    return None if is_loopback(name) else _answer(403, "This page is for this machine alone.")


def _ask_token(token: str) -> AnyResponse | None:
    key = hmac.new(token.encode(), b"cookie", hashlib.sha256).hexdigest()
    if _same(request.cookies.get(COOKIE, ""), key):
        return None
    if _same(request.headers.get("Authorization", ""), f"Bearer {token}"):
        return None
    if not _same(request.args.get("token", ""), token):
        return _answer(401, "Open this page with ?token=TOKEN at the end of its address.")
    # On with a cookie, so that the token does not stay in the address.
    rest = urlencode([(k, v) for k, v in request.args.items(multi=True) if k != "token"])
    response = redirect(request.path.replace("//", "/") + (f"?{rest}" if rest else ""))
    response.set_cookie(COOKIE, key, httponly=True, samesite="Lax", secure=request.is_secure)
    return response


def _same(given: str, wanted: str) -> bool:
    """In a time that says nothing of where they part."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def _answer(status: int, words: str) -> Response:
    return Response(words + "\n", status, mimetype="text/plain")
