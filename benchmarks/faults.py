"""Whether anything is lost, whatever dies: kills at random times, and a run that goes on.

    python -m benchmarks.faults [--kills 200] [--minutes 90] [--clock right|steps|winter]
                                [--seed N] [--keep DIR]

A search with one worker trains small networks on a cluster of two nodes on this machine; then the
best are promoted, and then exported. Again and again something gets SIGKILL at a random time: the
**driver**, a **worker**, the **raylet** of a node, or **all** of these and the head at once, as
when the power goes. Then what died is started anew, the command by its ``--resume``. After every
kill what had finished before must stand in the ledger as it did; at the end proposals, scores,
promoted weights and exported files must be those of an unbroken run with as many trials. A trial
that lost its worker twice is let finish, as the third time it would be given up: that is what it is
meant to do.

After ``--minutes`` it stops; the same command with the same ``--keep`` goes on. With ``--clock
steps`` the driver's clock jumps by up to two hours before every start and kill; with ``winter``
every leg begins two minutes before the end of summer time.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from benchmarks.fault_clock import CLOCKS, Clock
from benchmarks.fault_compare import compare
from benchmarks.fault_phases import Exporting, Phase, Promoting, Searching, promoted
from benchmarks.fault_rig import Broken, Rig
from nas.cluster import local, processes
from nas.cluster.config import LocalConfig
from results.trial import Trial, TrialState
from search_space.files import replacing

NODES = LocalConfig(nodes=2, cpus=1)
CLUSTER = "local-faults"
PHASES: tuple[Callable[[Rig], Phase], ...] = (Searching, Promoting, Exporting)
SHARES = (Promoting.share, Exporting.share)
Done = Counter[str]
"""Kills by "PHASE KIND"."""
Console = Callable[[str], None]


def strike(kind: str, rig: Rig) -> bool:
    """Kill one of a kind. False where there is none to kill at present."""
    if kind in ("driver", "all"):
        return _strike_driver(rig, everything=kind == "all")
    if any(sum(s.kind == "lost" for s in t.setbacks) >= 2 for t in running(rig)):
        return False
    raylet = kind == "raylet"
    nodes = rig.cluster.nodes[1:] if raylet else rig.cluster.nodes
    found = [
        process
        for node in nodes
        for process in processes.of_session(node.process)
        if (is_raylet if raylet else is_worker)(arguments_of(process))
    ]
    if not found:
        return False
    processes.send(random.choice(found), signal.SIGKILL)
    return True


def _strike_driver(rig: Rig, everything: bool) -> bool:
    assert rig.driver is not None
    leaders = [node.process for node in rig.cluster.nodes] if everything else []
    for process in [rig.driver.pid, *(p for one in leaders for p in processes.of_session(one))]:
        processes.send(process, signal.SIGKILL)
    rig.driver.wait()
    return True


def running(rig: Rig) -> list[Trial]:
    return [trial for trial in rig.trials() if trial.state is TrialState.RUNNING]


def arguments_of(process: int) -> str:
    done = subprocess.run(["ps", "-o", "args=", "-p", str(process)], capture_output=True, text=True)
    return done.stdout.strip()


def is_raylet(arguments: str) -> bool:
    return arguments.partition(" ")[0].endswith("/raylet")


def is_worker(arguments: str) -> bool:
    """One that trains, or is about to; not an agent, whose raylet ends with it."""
    kind, _, name = arguments.partition("::")
    return kind == "ray" and not name.startswith("IDLE") and not name.endswith("Agent")


def recover(kind: str, phase: Phase, rig: Rig) -> None:
    """Start anew what died. Whatever hung on a raylet ends with it, and that may be the driver. A
    full training has two lives more in one driver: the next kill of it is the driver's."""
    assert rig.driver is not None
    if kind == "all":
        local.down(CLUSTER, rig.folder)
        rig.cluster = local.up(NODES, CLUSTER, rig.folder)
    if kind == "raylet":
        while all(node.alive for node in rig.cluster.nodes):
            time.sleep(0.2)
        rig.cluster = local.mend(NODES, CLUSTER, rig.folder)
    if rig.driver.poll() is not None:
        phase.go_on()


def leg(phase: Phase, rig: Rig, done: Done, kills: int, until: float, console: Console) -> None:
    """Kill, recover, check, until a phase has had its kills or time is over."""
    phase.go_on()
    after = ""
    while sum(done[f"{phase.name} {kind}"] for kind in phase.kinds) < kills:
        if time.monotonic() >= until:
            return
        (kind,) = random.choices(list(phase.kinds), list(phase.kinds.values()))
        if phase.name == "promotion" and after in ("worker", "raylet"):
            kind = "driver"
        phase.wait()
        _turn(rig)
        if not strike(kind, rig):
            continue
        after = kind
        done[f"{phase.name} {kind}"] += 1
        _turn(rig)
        recover(kind, phase, rig)
        rig.check()
        _keep(rig, done)
        clock = datetime.now().strftime("%H:%M:%S")
        console(
            f"{clock}  kill {done.total()}: {kind} in the {phase.name}; {len(rig.kept)} trials have"
            f" finished, {len(promoted(rig))} are promoted"
        )


def _turn(rig: Rig) -> None:
    if rig.clock:
        rig.clock.turn()


def _keep(rig: Rig, done: Done) -> None:
    with replacing(rig.folder / "kills.json") as draft:
        draft.write_text(json.dumps(done))


def kept(folder: Path) -> Done:
    """The kills of earlier legs."""
    file = folder / "kills.json"
    return Counter(json.loads(file.read_text()) if file.exists() else {})


def quotas(kills: int) -> list[int]:
    """Kills for each phase, of so many."""
    most = [round(kills * share) for share in SHARES]
    return [kills - sum(most), *most]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument(
        "--minutes", type=float, default=90.0, help="of kills, at most, in this leg"
    )
    parser.add_argument("--clock", choices=CLOCKS, default="right", help="the driver's")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--keep", type=Path, help="folder for the runs and logs, which stay")
    given = parser.parse_args(arguments)
    print(f"seed {given.seed}", flush=True)
    random.seed(given.seed)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leaves no cluster behind
    with tempfile.TemporaryDirectory(prefix="nas-faults-") as made:
        folder = (given.keep or Path(made)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return measured(folder, given.kills, given.minutes, given.clock)


def measured(folder: Path, kills: int, minutes: float, clock: str) -> int:
    """Exit code: 0 where all was right so far."""

    def console(line: str) -> None:
        print(line, flush=True)

    began, done = time.monotonic(), kept(folder)
    rig = Rig(folder, local.up(NODES, CLUSTER, folder), Clock(clock, folder))
    try:
        rig.check()
        for make, quota in zip(PHASES, quotas(kills), strict=True):
            phase = make(rig)
            if (folder / f"{phase.name}.done").exists():
                continue
            leg(phase, rig, done, quota, began + 60 * minutes, console)
            if time.monotonic() >= began + 60 * minutes:
                console(f"{done.total()} of {kills} kills; the same command goes on from {folder}")
                return 0
            phase.conclude()
            (folder / f"{phase.name}.done").touch()
        compare(rig, console)
    except Broken as error:
        console(f"BROKEN: {error}")
        return 1
    finally:
        rig.kill()
        local.down(CLUSTER, folder)
    report(rig, done, (time.monotonic() - began) / 60)
    return 0


def report(rig: Rig, done: Done, minutes: float) -> None:
    trials = rig.trials()
    setbacks = Counter(setback.kind for trial in trials for setback in trial.setbacks)
    rows = [f"| {what} | {times} |" for what, times in sorted(done.items())]
    print("\n".join(["", "| killed | times |", "|---|---:|", *rows, ""]))
    print(f"{done.total()} kills, the last leg in {minutes:.0f} minutes; {len(trials)} trials,")
    print(
        f"{len(promoted(rig))} full trainings and their exports: none lost, none repeated; scores,"
    )
    print("proposals, promoted weights and exported files as in the unbroken run.")
    again = ", ".join(f"{times} {kind}" for kind, times in setbacks.most_common())
    print(f"Trials were run again for: {again or 'nothing'}.")


if __name__ == "__main__":
    raise SystemExit(main())
