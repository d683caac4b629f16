"""One architecture in full, and two against each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from proxy_tasks.objectives import Analytic, Measured, Shown, Validated, shown
from results import units
from results.cost_table import in_unit
from results.leaderboard import dilations
from results.signs import network_signs, signs
from results.trial import Trial
from results.views.snapshot import Facts, Promoted, Snapshot
from results.views.style import BLUE, VERMILLION, Figure, axis, figure, text
from search_space import architecture_file
from search_space.architecture import Architecture, Block
from search_space.backbone import Backbone
from search_space.cost import cost, parts

Cells = list[list[str]]
COST_HEADINGS = ("part", "level", "channels", "map", "parameters", "MACs", "MACs %")
CHANGE_HEADINGS = ("block", "A", "B")


def spec_text(trial: Trial, facts: Facts) -> str:
    """The trial's architecture file, with where it comes from."""
    scores = {"score": trial.score, "miou": trial.miou}
    known = {name: value for name, value in scores.items() if value is not None}
    provenance = {"run": facts.name, "trial": trial.number, "scores": known}
    return architecture_file.dumps(trial.backbone, provenance)


def key_figures(trial: Trial, now: Snapshot) -> list[tuple[str, str]]:
    """Name and value of what is known of a trial."""
    facts = now.facts
    found = [("trial", str(trial.number)), ("state", trial.state.value)]
    if trial.score is not None and facts.metric != "miou":
        found.append((facts.score_name, facts.shown(trial.score)))
    measured = trial.measurement
    if measured is not None:
        found += [
            (each.label, units.shown(value, each.unit))
            for each in shown(Shown.DETAIL, Analytic, Validated, Measured)
            if (value := measured.figure(each.name)) is not None
        ]
        found.append(
            (
                "training",
                f"{units.duration(measured.seconds)}, {units.counted(measured.epochs, 'epoch')}",
            )
        )
    own = [each for each in now.promoted if each.trial == trial.number]
    found += [figure for each in own for figure in _full(each)]
    found.append(("dilations", dilations(trial.backbone)))
    if trial.error:
        found.append(("error", trial.error.strip().splitlines()[-1]))
    return found


def _full(each: Promoted) -> Iterator[tuple[str, str]]:
    """Of a full training."""
    epochs = units.counted(each.epochs, "epoch") + (", with a teacher" if each.taught else "")
    if each.miou is not None:
        yield "full mIoU", f"{units.percent(each.miou)} %, {epochs}"
    elif each.note:
        yield "full training", f"{epochs}; {each.note}"
    if each.test_miou is not None:
        yield "test mIoU", f"{units.percent(each.test_miou)} %"


def cost_rows(trial: Trial, facts: Facts) -> Cells:
    """The parts of the network as the proxy builds it, and the total; COST_HEADINGS.

    Empty where the ledger does not say how many classes there are.
    """
    classes = len(trial.measurement.class_iou) if trial.measurement else 0
    if not classes:
        return []
    total = cost(trial.backbone, facts.scale, classes, facts.size)
    rows = [
        [
            part.name,
            f"L{part.level}",
            str(part.channels),
            f"{part.size[0]}×{part.size[1]}",
            in_unit(part.parameters, total.parameters)[0],
            in_unit(part.macs, total.macs)[0],
            f"{100 * part.macs / total.macs:.1f}",
        ]
        for part in parts(trial.backbone, facts.scale, classes, facts.size)
    ]
    whole = [" ".join(in_unit(value, value)) for value in (total.parameters, total.macs)]
    return [*rows, ["total", "", "", "", *whole, "100.0"]]


def learning_curve(trials: Sequence[Trial], facts: Facts) -> Figure | None:
    """The score after each epoch that had a validation, one line a trial: A, then B.

    None where no trial was validated more than once.
    """
    name, unit = facts.unit
    traces = []
    for letter, color, trial in zip("AB", (BLUE, VERMILLION), trials, strict=False):
        curve = trial.measurement.curve if trial.measurement else ()
        known = [(epoch, unit * v) for epoch, v in enumerate(curve, start=1) if v is not None]
        if known:
            label = f"{letter}: {trial.name}" if len(trials) > 1 else trial.name
            epochs, values = zip(*known, strict=True)
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "name": text(label),
                    "x": list(epochs),
                    "y": list(values),
                    "line": {"color": color, "width": 2},
                    "hovertemplate": "epoch %{x}: %{y:.4f}<extra></extra>",
                }
            )
    if not any(len(trace["x"]) > 1 for trace in traces):
        return None
    x = axis("epoch", dtick=1 if facts.epochs <= 12 else None)
    return figure(traces, x, name, showlegend=len(trials) > 1)


@dataclass(frozen=True)
class Difference:
    """``blocks`` are the ids that differ; ``rows`` say how (CHANGE_HEADINGS)."""

    blocks: frozenset[int]
    rows: Cells


def difference(a: Backbone, b: Backbone) -> Difference | None:
    """Place by place, what differs of two searched architectures; None for anything else."""
    if not isinstance(a, Architecture) or not isinstance(b, Architecture):
        return None
    longest = max(len(a.all_blocks), len(b.all_blocks))
    pairs = [(i, _at(a, i), _at(b, i)) for i in range(longest)]
    changed = [(i, first, second) for i, first, second in pairs if first != second]
    rows = [[str(i), _said(first), _said(second)] for i, first, second in changed]
    whole = [", ".join(network_signs(each)) or "–" for each in (a, b)]
    rows += [["network", *whole]] * (whole[0] != whole[1])
    return Difference(frozenset(i for i, _, _ in changed), rows)


def label_maps(now: Snapshot, number: int) -> Path | None:
    """The picture of a promoted trial's predictions, where there is one."""
    found = [p.labels for p in now.promoted if p.trial == number and p.labels is not None]
    return found[0] if found else None


def _at(architecture: Architecture, index: int) -> Block | None:
    blocks = architecture.all_blocks
    return blocks[index] if index < len(blocks) else None


def _said(block: Block | None) -> str:
    if block is None:
        return "–"
    reads = "+".join(map(str, block.inputs))
    return " ".join([f"L{block.level}", block.type, reads, *signs(block)]) + " out" * block.output


def pinned_trials(now: Snapshot, numbers: Sequence[object]) -> list[Trial]:
    """The trials of these numbers, unknown ones passed over; at most two."""
    known = [now.by_number[n] for n in numbers if isinstance(n, int) and n in now.by_number]
    return known[:2]
