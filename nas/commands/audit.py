"""``nas audit``: how well short trainings of random architectures predict longer ones."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from nas import config as configs
from nas.config import Config
from nas.failures import interruptible
from nas.parts import build, checks, shared_ray, weights
from nas.prediction import encoder_source, teachers
from nas.runs import data_identity, encoder_identity, events, ledgers, teacher_identity
from nas.runs.audited import AuditRecord
from nas.runs.directory import RunDirectory, default_path
from nas.runs.resume import resumed
from nas.searching import audit
from nas.searching.audit import PROXY, REFERENCE, Leg, Plan
from proxy_tasks.datasets.identity import identity
from proxy_tasks.datasets.packed import open_packed
from proxy_tasks.objectives import OBJECTIVES, Metric
from results.audit import Audited, Verdict, cheapest, judge, lines, two_digits

DEFAULT = "quickstart"
MAY_CHANGE = (
    *(f"audit.{key}" for key in ("architectures", "references", "grid", "tau")),
    "engine.",
    "loggers",
)
"""Of an audit that is resumed."""


def audit_command(
    source: str | None,
    path: Path | None,
    resume: bool,
    grid: bool,
    settings: Sequence[str],
    console: Console,
) -> None:
    """Run or resume an audit; write ``audit.yaml`` and its pictures into its folder.

    Raises:
        UserError: before anything is written, for every mistake that can be seen by then.
        RunFailed: interrupted, or too few architectures have scores.
    """
    run: RunDirectory | None = None
    if resume:
        run, config = resumed(source, path, settings, MAY_CHANGE, console)
    else:
        config = configs.load_to_train(source or DEFAULT, settings)
        config = encoder_source.described(config).of_a_new_run()
    plan = Plan.of(config, grid)
    with shared_ray.connected(config.engine):
        checks.check(config, build.space(config))
        teachers.check(config)
        weights.tell_encoder(config, console)
        known = identity(open_packed(build.packed(config, config.proxy, console)))
        if run is None:
            usual = default_path(source or DEFAULT)
            held = data_identity.of(config).to_dict()
            place = path or usual.with_name(f"audit-{usual.name}")
            teacher = teacher_identity.record(config)
            run = RunDirectory.create(place, config, data=held, teacher=teacher)
            encoder_identity.hold(run, config)
        console.print(f"audit {run.path}", markup=False, highlight=False)
        again = f"nas audit --run {shlex.quote(str(run.path))} --resume"
        with (
            interruptible(again),
            events.logged(run.path, "audit", again, resumed=resume),
            ledgers.kept(again),
            shared_ray.one_ray(config.engine),
        ):
            legs = audit.train(run, config, plan, console)
    reference = legs.pop(REFERENCE)
    judged = {label: _judged(each, reference) for label, each in legs.items()}
    _tell(config, judged, console)
    verdicts = {label: each[1] for label, each in judged.items()}
    record = AuditRecord.of(config, known, verdicts)
    for written in [record.save(run.path), *_draw(run, config, judged)]:
        console.print(f"wrote {written}", markup=False, highlight=False, soft_wrap=True)


Judged = tuple[dict[Metric, Audited], dict[Metric, Verdict]]
"""Of one fidelity, by metric."""


def _judged(proxy: list[Leg], reference: list[Leg]) -> Judged:
    compared = {metric: audit.audited(proxy, reference, metric) for metric in audit.told(proxy)}
    return compared, {metric: judge(each) for metric, each in compared.items()}


def _tell(config: Config, judged: dict[str, Judged], console: Console) -> None:
    """In full for the score of a search under this config; one line for every other metric."""
    metric = config.proxy.score
    verdict = judged[PROXY][1][metric]
    name = OBJECTIVES[metric].score_name
    console.print(f"\nproxy, by {name}, the search's score", style="bold", highlight=False)
    for line in lines(verdict, name):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    console.print()
    console.print(_table({label: verdicts for label, (_, verdicts) in judged.items()}))
    if len(judged) > 1:
        console.print(_cheapest(config, judged), highlight=False)


def _table(verdicts: dict[str, dict[Metric, Verdict]]) -> Table:
    """Every fidelity and metric, with its most important figures."""
    table = Table(title="single trainings against the reference", title_justify="left")
    for heading in ("fidelity", "by"):
        table.add_column(heading)
    for heading in ("tau", "Spearman", "seed to seed", "reference costs"):
        table.add_column(heading, justify="right")
    for label, known in verdicts.items():
        for metric, each in known.items():
            figures = (each.tau, each.spearman, each.seed_to_seed)
            cost = f"{each.cost_ratio:.3g} times"
            table.add_row(label, OBJECTIVES[metric].score_name, *map(two_digits, figures), cost)
    return table


def _cheapest(config: Config, judged: dict[str, Judged]) -> str:
    """The fidelity that costs least among those that reach the wanted tau."""
    metric, wanted = config.proxy.score, config.audit.tau
    taus = {label: verdicts[metric] for label, (_, verdicts) in judged.items()}
    found = cheapest(taus, wanted)
    if found is None:
        best = max(taus, key=lambda label: taus[label].tau.value)
        return f"no fidelity reaches tau {wanted}; {best} comes closest, {taus[best].tau.value:.2f}"
    return f"the cheapest fidelity that reaches tau {wanted}: {found}"


def _draw(run: RunDirectory, config: Config, judged: dict[str, Judged]) -> list[Path]:
    from results.audit_chart import draw_audit, draw_grid  # matplotlib is slow to import

    metric = config.proxy.score
    compared, verdicts = judged[PROXY]
    paths = [run.path / "audit.svg", run.path / "audit.png"]
    name = OBJECTIVES[metric].score_name
    written = draw_audit(compared[metric], verdicts[metric], paths, name)
    if len(judged) > 1:
        points = {label: each[metric] for label, (_, each) in judged.items()}
        paths = [run.path / "grid.svg", run.path / "grid.png"]
        written += draw_grid(points, paths, config.audit.tau)
    return written
