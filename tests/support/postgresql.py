"""A PostgreSQL server for the tests: real, in a temporary folder, on a free port."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

USER, PASSWORD = "me", "s3cret@:/%"
"""With what a URL has to encode."""


@dataclass(frozen=True)
class Server:
    port: int
    binaries: Path
    folder: Path

    def url(self, name: str) -> str:
        """For an Optuna storage."""
        return f"postgresql://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{name}"

    def make_database(self, name: str, template: str = "template1") -> None:
        command = [self.binaries / "createdb", "-h", "127.0.0.1", "-p", str(self.port)]
        subprocess.run(
            [*command, "-U", USER, "-T", template, name],
            check=True,
            env=os.environ | {"PGPASSWORD": PASSWORD},
        )


def missing() -> str | None:
    """Why no server can be started here; None where one can."""
    if not (find_spec("psycopg") or find_spec("psycopg2")):
        return "no driver of PostgreSQL: pip install 'psycopg[binary]'"
    if _binaries() is None:
        return "no initdb and postgres: install PostgreSQL's server"
    if os.name != "posix" or (os.geteuid() == 0 and not shutil.which("setpriv")):
        return "PostgreSQL does not run as root, and there is no setpriv to change the user"
    return None


@contextmanager
def running() -> Iterator[Server]:
    """A server that takes connections with USER and PASSWORD, and is gone afterwards."""
    binaries = _binaries()
    assert binaries is not None
    # Not in pytest's folder, which only its owner may enter.
    with tempfile.TemporaryDirectory(prefix="pg") as made:
        folder, port = Path(made), _free_port()
        prefix = _unprivileged(folder)
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        data = folder / "data"
        initdb = [binaries / "initdb", "-D", data, "-U", USER, "-A", "scram-sha-256"]
        subprocess.run(
            [*prefix, *initdb, "--pwfile", secret, "--no-sync"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
        )
        server = [binaries / "pg_ctl", "-D", data, "-w", "-t", "120", "-l", folder / "log"]
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        subprocess.run(
            [*prefix, *server, "-o", options, "start"],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
        )
        try:
            yield Server(port, binaries, folder)
        finally:
            stop = [*prefix, *server, "-m", "immediate", "stop"]
            subprocess.run(stop, check=True, stdout=subprocess.DEVNULL, cwd=folder)


def _binaries() -> Path | None:
    found = [Path(path).resolve().parent for path in [shutil.which("postgres") or ""] if path]
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((f for f in [*found, *folders] if (f / "initdb").exists()), None)


def _unprivileged(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: as nobody then, to whom the folder is given."""
    if os.geteuid() != 0:
        return []
    import pwd

    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    ids = [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    return ["setpriv", *ids]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
