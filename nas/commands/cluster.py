"""``nas cluster``: files shown before anything starts; a real cluster on this machine."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.prompt import Confirm
from rich.syntax import Syntax
from rich.table import Table

from nas.cluster import config as configs
from nas.cluster import files, local
from nas.cluster.config import ClusterConfig, LocalConfig
from nas.cluster.files import JOINING, Plan
from nas.cluster.launcher import WORK
from nas.cluster.token import ensure_token
from nas.failures import RunFailed, interruptible
from search_space.errors import UserError


def up(target: str, changes: dict[str, int], dry: bool, yes: bool, console: Console) -> None:
    """Show the files of a cluster, and start it when told to.

    Args:
        target: a cluster's YAML, or ``local`` for one on this machine.
        changes: of a local cluster, over its defaults: nodes, cpus, gpus.

    Raises:
        UserError: for a YAML that is wrong, or a tool that is not installed.
        RunFailed: when a tool or a node fails.
    """
    config = _config(target)
    if isinstance(config.provider, LocalConfig):
        _up_local(config.name, config.provider.model_copy(update=changes), dry, console)
        return
    if changes:
        raise UserError(f"--nodes, --cpus, --gpus: only for local; write them into {target}")
    plan = files.plan(config, Path(target))
    _show(plan, console)
    if not dry:
        _start(plan, Path(target), yes, console)


def status(target: str, console: Console) -> None:
    """List the nodes. UserError and RunFailed as for ``up``."""
    config = _config(target)
    if not isinstance(config.provider, LocalConfig):
        _call(files.plan(config, Path(target)).status)
        return
    cluster = local.load(config.name, local.FOLDER)
    alive = sum(node.alive for node in cluster.nodes)
    state = f"{alive} of {len(cluster.nodes)} nodes alive"
    console.print(f"{cluster.name}  {cluster.address}  {state}", markup=False, highlight=False)
    if not cluster.alive:
        raise RunFailed(
            f"{cluster.name}: the head is dead; `nas cluster down {shlex.quote(target)}` cleans up"
        )
    console.print(_nodes(cluster.address))


def submit(target: str, words: Sequence[str], uploads: Sequence[Path], console: Console) -> None:
    """Run ``nas WORDS`` on the cluster. UserError and RunFailed as for ``up``."""
    config = _config(target)
    if isinstance(config.provider, LocalConfig):
        _run_here(local.load(config.name, local.FOLDER).address, list(words))
    plan = files.plan(config, Path(target))
    if not plan.file.exists():
        raise UserError(
            f"{plan.file}: no such file; `nas cluster up {shlex.quote(target)}` makes it"
        )
    for path in uploads:
        if path.is_absolute() or ".." in path.parts or not path.exists():
            raise UserError(f"--upload {path}: name a file or folder below this folder")
    for command in files.submit(config, plan.file, list(words), list(uploads)):
        console.print(f"$ {shlex.join(command)}", markup=False, highlight=False, soft_wrap=True)
        _call(command)
    if uploads:
        console.print(f"uploads are in {WORK} on the head", markup=False, highlight=False)


def down(target: str, yes: bool, console: Console) -> None:
    """End the cluster. UserError and RunFailed as for ``up``."""
    config = _config(target)
    if isinstance(config.provider, LocalConfig):
        local.down(config.name, local.FOLDER)
        console.print(f"{config.name}: ended", markup=False)
        return
    plan = files.plan(config, Path(target))
    _agreed(f"end {config.name} on {config.provider.name}, and delete its disks?", yes)
    _call(plan.down)


def _config(target: str) -> ClusterConfig:
    """Of a file; ``local``, and ``local-NAME`` for further ones, need none."""
    if target == "local" or target.startswith("local-"):
        return configs.parse({"name": target, "provider": "local"}, target)
    return configs.load(Path(target))


def _up_local(name: str, config: LocalConfig, dry: bool, console: Console) -> None:
    size = f"{config.nodes} nodes of {config.cpus} CPUs and {config.gpus} GPUs"
    if dry:
        console.print(f"{name}: {size} would start on this machine", markup=False, highlight=False)
        return
    with interruptible(f"nas cluster up {shlex.quote(name)}"), console.status(f"starting {size}"):
        cluster = local.up(config, name, local.FOLDER)
    console.print(f"{name}: {size} at {cluster.address}", markup=False, highlight=False)
    for line in (
        f"nas search --address {cluster.address} ...",
        f"nas cluster status {shlex.quote(name)}",
        f"nas cluster down {shlex.quote(name)}",
    ):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def _show(plan: Plan, console: Console) -> None:
    try:
        plan.file.write_text(plan.text, "utf-8")
    except OSError as error:
        raise UserError(f"{plan.file}: cannot be written ({error.strerror})") from error
    console.rule(str(plan.file), align="left")
    kind = "bash" if plan.file.suffix == ".sbatch" else "yaml"
    if console.is_terminal:
        console.print(Syntax(plan.text, kind, background_color="default", word_wrap=True))
    else:
        console.print(plan.text, markup=False, highlight=False, soft_wrap=True, end="")
    console.rule()
    for command in plan.up:
        console.print(f"$ {shlex.join(command)}", markup=False, highlight=False, soft_wrap=True)


def _start(plan: Plan, source: Path, yes: bool, console: Console) -> None:
    if not plan.up:
        hint = f"nas cluster submit {shlex.quote(str(source))} -- search CONFIG ..."
        console.print(f"nothing to start before `{hint}`", markup=False, highlight=False)
        return
    _agreed("start it, at your cost?", yes)
    ensure_token()
    for command in plan.up:
        _call(command)


def _agreed(question: str, yes: bool) -> None:
    """Ask, and raise where the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError(f"{question} There is no terminal to answer at; give --yes")
    if not Confirm.ask(question, default=False):
        raise RunFailed("nothing was done")


def _call(command: Sequence[str]) -> None:
    """Run a tool to its end, seen by whoever watches."""
    tool = _tool(command[0])
    code = subprocess.call([tool, *command[1:]], env=os.environ | {"RAY_AUTH_MODE": "token"})
    if code:
        raise RunFailed(f"{shlex.join(command[:2])} failed with exit code {code}")


def _tool(name: str) -> str:
    """Ours before the system's."""
    scripts = sysconfig.get_path("scripts")
    found = shutil.which(name, path=os.pathsep.join([scripts, os.environ.get("PATH", "")]))
    if found is None:
        raise UserError(f"{name}: is not installed here, and this provider needs it")
    return found


def _run_here(address: str, words: list[str]) -> None:
    """This process becomes the command, so that signals and the exit code are its own."""
    if words[0] in JOINING:
        words += ["--set", f"engine.address={address}"]
    command = [sys.executable, "-c", "from nas.cli import main; main()", *words]
    sys.stdout.flush()
    os.execv(sys.executable, command)


def _nodes(address: str) -> Table:
    from nas.engines.ray_cluster import nodes  # Ray is slow to import

    table = Table()
    for heading in ("node", "address", "state"):
        table.add_column(heading)
    for heading in ("CPUs", "GPUs"):
        table.add_column(heading, justify="right")
    for node in nodes(address):
        has = (str(node.cpus), str(node.gpus)) if node.alive else ("", "")
        table.add_row(node.id[:8], node.address, "alive" if node.alive else "dead", *has)
    return table
