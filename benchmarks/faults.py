"""Whether anything is lost, whatever dies: kills at random times, and a search that goes on.

    python -m benchmarks.faults [--kills 200] [--minutes 90] [--seed N] [--keep DIR]

A search with one worker trains small networks on a cluster of two nodes on this machine. Again and
again something gets SIGKILL at a random time: the **driver**, a **worker**, the **raylet** of a
node, or **all** of these and the head at once, as when the power goes. Then what died is started
anew, the search by ``nas search --resume``. After every kill what had finished before must stand in
the ledger as it did; at the end, the search is let finish, and proposals and scores must be those
of an unbroken search with as many trials. A trial that lost its worker twice is let finish, as the
third time it would be given up: that is what it is meant to do.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from benchmarks.fault_rig import Broken, Rig, environment, nas, settings
from nas.cluster import local, processes
from nas.cluster.config import LocalConfig
from nas.runs import events
from results.ledger import Ledger
from results.trial import Trial, TrialState

KINDS = {"driver": 10, "worker": 6, "raylet": 3, "all": 1}
"""What is killed, and how often beside the others."""
SPREAD = 15.0
"""Seconds within which half of the kills come, after the last: a search starts and joins in it."""
MIDST = 4.0
"""Seconds within which the others come, after a trial finished: the next ones train in it."""
NODES = LocalConfig(nodes=2, cpus=1)
CLUSTER = "local-faults"


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


def recover(kind: str, rig: Rig) -> None:
    """Start anew what died. Whatever hung on a raylet ends with it, and that may be the driver."""
    assert rig.driver is not None
    if kind == "all":
        local.down(CLUSTER, rig.folder)
        rig.cluster = local.up(NODES, CLUSTER, rig.folder)
    if kind == "raylet":
        while all(node.alive for node in rig.cluster.nodes):
            time.sleep(0.2)
        rig.cluster = local.mend(NODES, CLUSTER, rig.folder)
    if rig.driver.poll() is not None:
        rig.go_on()


def compare(rig: Rig, console: Callable[[str], None]) -> None:
    """Let it finish; then the same search unbroken. Raises Broken where they differ."""
    candidates = max(1, len(rig.trials()))
    assert rig.driver is not None
    rig.driver.kill()
    rig.driver.wait()
    rig.go_on(str(candidates))
    assert rig.driver is not None
    rig.finish()
    console(f"{candidates} trials; now the same search without a kill")
    whole = rig.folder / "whole"
    words = ["search", "--engine", "inline", "--trials", str(candidates), "--run", str(whole)]
    subprocess.run(
        nas(*words, *settings(rig.folder)),
        check=True,
        stdout=subprocess.DEVNULL,
        env=environment(),
    )
    with Ledger.open(whole / "ledger.journal", read_only=True) as ledger:
        unbroken = [_told(trial) for trial in ledger.trials()]
    broken = [_told(trial) for trial in rig.trials()]
    if broken != unbroken:
        pairs = zip(broken, unbroken, strict=False)
        first = next(n for n, pair in enumerate(pairs) if pair[0] != pair[1])
        raise Broken(f"trial {first}: {broken[first]} is not {unbroken[first]}")


def _told(trial: Trial) -> tuple[object, ...]:
    measured = trial.measurement
    scores = (measured.miou, measured.loss, measured.train_loss) if measured else ()
    return trial.number, trial.key, trial.genotype, trial.state, scores


def repeated(run: Path) -> list[str]:
    """Trials that a search said to have finished more than once."""
    ends: Counter[str | None] = Counter()
    for line in (run / events.FILE).read_text("utf-8").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # torn by a kill
        ends[event.get("name")] += event["event"] == "trial finished"
    return [name for name, times in ends.items() if name and times > 1]


def strikes(rig: Rig, kills: int, minutes: float, console: Callable[[str], None]) -> Counter[str]:
    """Kill, recover, check. Returns how often each kind was killed."""
    done: Counter[str] = Counter()
    deadline = time.monotonic() + 60 * minutes
    while done.total() < kills and time.monotonic() < deadline:
        (kind,) = random.choices(list(KINDS), list(KINDS.values()))
        if random.random() < 0.5:
            rig.advance()
            time.sleep(random.uniform(0, MIDST))
        else:
            time.sleep(random.uniform(0, SPREAD))
        rig.check_driver()
        if not strike(kind, rig):
            continue
        done[kind] += 1
        recover(kind, rig)
        rig.check()
        clock = datetime.now().strftime("%H:%M:%S")
        console(f"{clock}  kill {done.total()}: {kind}; {len(rig.kept)} trials have finished")
    return done


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=90.0, help="of kills, at most")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--keep", type=Path, help="folder for the runs and logs, which stay")
    given = parser.parse_args(arguments)
    print(f"seed {given.seed}", flush=True)
    random.seed(given.seed)
    with tempfile.TemporaryDirectory(prefix="nas-faults-") as made:
        folder = (given.keep or Path(made)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        return measured(folder, given.kills, given.minutes)


def measured(folder: Path, kills: int, minutes: float) -> int:
    """Exit code: 0 where all was right."""

    def console(line: str) -> None:
        print(line, flush=True)

    began = time.monotonic()
    rig = Rig(folder, local.up(NODES, CLUSTER, folder))
    try:
        rig.go_on()
        done = strikes(rig, kills, minutes, console)
        compare(rig, console)
        if twice := repeated(rig.run):
            raise Broken(f"ran twice: {', '.join(twice)}")
    except Broken as error:
        console(f"BROKEN: {error}")
        return 1
    finally:
        if rig.driver:
            rig.driver.kill()
            rig.driver.wait()
        local.down(CLUSTER, folder)
    report(rig, done, (time.monotonic() - began) / 60)
    return 0


def report(rig: Rig, done: Counter[str], minutes: float) -> None:
    trials = rig.trials()
    setbacks = Counter(setback.kind for trial in trials for setback in trial.setbacks)
    rows = [f"| {kind} | {done[kind]} |" for kind in KINDS]
    print("\n".join(["", "| killed | times |", "|---|---:|", *rows, ""]))
    print(f"{done.total()} kills in {minutes:.0f} minutes; {len(trials)} trials: none lost, none")
    print("repeated, proposals and scores as in the unbroken search.")
    again = ", ".join(f"{times} {kind}" for kind, times in setbacks.most_common())
    print(f"Trials were run again for: {again or 'nothing'}.")


if __name__ == "__main__":
    raise SystemExit(main())
