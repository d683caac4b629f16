"""The pinned architectures: one in full, or two side by side with what differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dash import html

from results.dashboard import layout
from results.trial import Trial
from results.views import detail
from results.views.snapshot import Snapshot
from search_space.architecture import Architecture

LETTERS = "AB"


def digest(now: Snapshot, pinned: Sequence[Trial]) -> str:
    """Changes when the card would."""
    full = [p for p in now.promoted if p.trial in {trial.number for trial in pinned}]
    return str(hash(repr(([(trial.number, trial.state) for trial in pinned], full, now.facts))))


def card(run: str, now: Snapshot, pinned: Sequence[Trial]) -> list[Any]:
    """The card's children; with nothing pinned a line that says how to pin."""
    if not pinned:
        how = "Click a point or a name: its diagram, spec, learning curve and costs appear here."
        return [html.Div(html.H2("Pinned"), className="head"), html.P(how, className="note")]
    title = "Pinned" if len(pinned) == 1 else "Two compared"
    return [
        html.Div(html.H2(title), className="head"),
        html.Div([_one(run, now, pinned, i) for i in range(len(pinned))], className="pair"),
        *_changes(pinned),
        *_curve(now, pinned),
    ]


def _curve(now: Snapshot, pinned: Sequence[Trial]) -> list[Any]:
    curve = detail.learning_curve(pinned, now.facts)
    if curve is None:
        why = "No learning curve: validated once. proxy.evaluate_every: 1 validates every epoch."
        return [html.P(why, className="note foot")]
    heading = html.H3(f"Learning curve: {now.facts.score_name}")
    return [heading, *layout.graph("curve", layout.text(curve), low=True)]


def _one(run: str, now: Snapshot, pinned: Sequence[Trial], rank: int) -> html.Div:
    trial = pinned[rank]
    file = layout.address("architecture.yaml", run, trial=trial.number)
    number = layout.wild(trial=trial.number)
    return html.Div(
        [
            html.Div(
                [
                    html.H2([html.Span(LETTERS[rank], className="letter"), trial.name]),
                    html.A("architecture.yaml", href=file, className="button", download=""),
                    html.Button("unpin", className="button", **number),
                ],
                className="head",
            ),
            html.Div(
                [_diagram(run, pinned, rank), _figures(detail.key_figures(trial, now))],
                className="split",
            ),
            *_label_maps(run, now, trial),
            *_costs(now, trial),
            html.Details([html.Summary("spec"), html.Pre(detail.spec_text(trial, now.facts))]),
        ],
        className="alone" if len(pinned) == 1 else "",
    )


def _diagram(run: str, pinned: Sequence[Trial], rank: int) -> Any:
    trial = pinned[rank]
    if not isinstance(trial.backbone, Architecture):
        return html.P("A dilated ResNet: no block diagram.", className="note")
    other = {"other": pinned[1 - rank].number} if len(pinned) == 2 else {}
    source = layout.address("diagram.svg", run, trial=trial.number, **other)
    drawn = html.Img(src=source, alt=f"block diagram of {trial.name}", className="diagram")
    return html.Div(drawn, className="sideways", tabIndex=0)


def _label_maps(run: str, now: Snapshot, trial: Trial) -> list[Any]:
    if detail.label_maps(now, trial.number) is None:
        return []
    source = layout.address("labels.png", run, trial=trial.number)
    words = f"validation images, their true labels, and those that {trial.name} predicts"
    return [
        html.H3("Predicted label maps, after full training"),
        html.Img(src=source, alt=words, className="labels"),
    ]


def _figures(pairs: Sequence[tuple[str, str]]) -> html.Dl:
    rows = [part for name, value in pairs for part in (html.Dt(name), html.Dd(value))]
    return html.Dl(rows, className="figures")


def _costs(now: Snapshot, trial: Trial) -> list[Any]:
    rows = detail.cost_rows(trial, now.facts)
    if not rows:
        return []
    shown = layout.table(detail.COST_HEADINGS, rows, right=2)
    return [html.Details([html.Summary("costs, part by part"), shown])]


def _changes(pinned: Sequence[Trial]) -> list[Any]:
    if len(pinned) < 2:
        return []
    found = detail.difference(pinned[0].backbone, pinned[1].backbone)
    if found is None:
        return [html.P("Only two searched architectures are compared block by block.")]
    words = f"{len(found.blocks)} blocks differ (yellow in the diagrams)"
    shown = layout.table(detail.CHANGE_HEADINGS, found.rows, right=9)
    return [html.H3(words), *([shown] if found.rows else [])]
