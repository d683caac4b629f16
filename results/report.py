"""A run as one HTML file that needs nothing else: for a mail, or a paper's appendix.

plotly.js is in it once; a policy in the page's head forbids it to load anything, and to run any
script but its own two, so that words of a ledger stay words.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from proxy_tasks.objectives import Measured, kept
from results import drawing
from results.leaderboard import NUMBERS
from results.trial import Trial
from results.views import detail, header, style
from results.views.board import board, board_headings, board_note
from results.views.choices import PROPERTIES
from results.views.front import AXES, known_axes
from results.views.learnt import TITLE, lessons
from results.views.pages import VIEWS, note
from results.views.snapshot import Snapshot
from search_space.architecture import Architecture
from search_space.errors import UserError
from search_space.files import replacing
from search_space.printable import printable

BEST = 3
"""Candidates that are shown with diagram, costs and spec."""
ROWS = 50

_CHOICES: dict[str, str] = {
    **{of: words.lower() for of, words in PROPERTIES.items()},
    **{name: axis.title.split()[0] for name, axis in AXES.items()},
}
_DRAW = """
const page = JSON.parse(document.getElementById("figures").textContent);
function draw() {
  for (const [name, figure] of Object.entries(page.figures)) {
    const f = nasPaint.painted(figure, page.partners, nasPaint.scheme());
    Plotly.react(document.getElementById("plot-" + name), f.data, f.layout, page.config);
  }
}
draw();
nasPaint.dark.addEventListener("change", draw);
"""


def write(now: Snapshot, path: Path) -> Path:
    """Write the report; a file of that name is replaced in one step.

    Raises:
        UserError: where it cannot be written.
    """
    page = report(now)
    try:
        with replacing(path) as draft:
            draft.write_text(page, "utf-8")
    except OSError as error:
        raise UserError(f"{path}: the report cannot be written: {error.strerror}") from None
    return path


def report(now: Snapshot) -> str:
    """The page as text."""
    figures = figures_of(now)
    title = _text(now.facts.name)
    scripts = [get_plotlyjs(), _asset("nas.js") + _DRAW]
    known = {"figures": figures, "partners": style.DARK, "config": style.CONFIG}
    body = [
        f"<header><h1>{title}</h1><p class='sub'>{_text(header.subtitle(now.facts))}</p>",
        *_tiles(now),
        "</header><div class='grid'>",
        *_cards(now, [name for name in figures if name.startswith(("best", "front"))]),
        *_leaderboard(now),
        *_lessons(now),
        *(part for trial in best_candidates(now) for part in _architecture(now, trial)),
        *_cards(now, [name for name in figures if not name.startswith(("best", "front"))]),
        *_label_maps(now),
        "</div>",
        f"<p class='note foot'>State of {now.at:%Y-%m-%d %H:%M %Z}. The camera above a figure saves"
        " it as SVG.</p>",
    ]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            "<html lang='en'><head><meta charset='utf-8'>",
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">',
            "<meta name='viewport' content='width=device-width, initial-scale=1'>",
            f"<title>{title}</title><style>{_asset('style.css')}</style></head>",
            "<body><main class='page'>",
            *body,
            "</main>",
            f"<script type='application/json' id='figures'>{_json(known)}</script>",
            *(f"<script>{script}</script>" for script in scripts),
            "</body></html>\n",
        ]
    )


def figures_of(now: Snapshot) -> dict[str, style.Figure]:
    """Name -> figure, in the order of the page; choices that a reader has on the live page are
    all there."""
    costs = ("macs", *(name for name, _ in kept(Measured)), "parameters")
    axes = [axis for axis in costs if axis in known_axes(now)][:2]
    found = {"best": VIEWS["best"].draw(now)}
    found |= {f"front-{axis}": VIEWS["front"].draw(now, axis) for axis in axes}
    found |= {name: VIEWS[name].draw(now) for name in ("trainings", "promotions")}
    for name in ("favourites", "over-time"):
        found |= {f"{name}-{of}": VIEWS[name].draw(now, of) for of in PROPERTIES}
    for name in ("traits", "genes", "parallel"):
        found[name] = VIEWS[name].draw(now)
    return found


def title_of(name: str) -> str:
    """The heading of a figure of ``figures_of``."""
    part = _CHOICES.get(name.rpartition("-")[2], "")
    return VIEWS[_view(name)].title + (f": {part}" if part else "")


def best_candidates(now: Snapshot) -> list[Trial]:
    """Those that are shown in full, best first."""
    candidates = now.ranked[now.ranked["kind"] == "candidate"]
    return [now.by_number[int(number)] for number in candidates["trial"].head(BEST)]


def _view(name: str) -> str:
    return name if name in VIEWS else name.rsplit("-", 1)[0]


def _cards(now: Snapshot, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        view, title = _view(name), title_of(name)
        wide = " wide" if VIEWS[view].wide or name == "best" else ""
        yield (
            f"<section class='card{wide}'><div class='head'><h2>{_text(title)}</h2></div>"
            f"<p class='note'>{_text(note(view, now))}</p>"
            f"<div class='frame' id='frame-{name}'><div class='plot' id='plot-{name}'></div></div>"
            "</section>"
        )


def _tiles(now: Snapshot) -> Iterator[str]:
    share = header.share_done(now)
    yield (
        "<br>"
        if share is None
        else (f"<div class='bar'><div style='width:{100 * share:.1f}%'></div></div>")
    )
    yield "<div class='tiles'>"
    for tile in header.tiles(now):
        warn = " class='warn'" if tile.warn else ""
        yield (
            f"<div class='tile'><span>{_text(tile.name)}</span><b>{_text(tile.value)}</b>"
            f"<span{warn}>{_text(tile.remark)}</span></div>"
        )
    yield "</div>"


def _leaderboard(now: Snapshot) -> Iterator[str]:
    rows, named = board(now, ROWS), board_headings(now)
    sides = ["right" if key in NUMBERS else "" for key in named]
    marks = [" ".join(["front"] * row.front + ["baseline"] * row.baseline) for row in rows]
    yield "<section class='card wide'><div class='head'><h2>Leaderboard</h2></div>"
    yield f"<p class='note'>{_text(board_note(now, len(rows)))}</p>"
    yield _table(list(named.values()), [row.cells for row in rows], sides, marks)
    yield "</section>"


def _lessons(now: Snapshot) -> Iterator[str]:
    if (known := lessons(now)) is None:
        return
    yield f"<section class='card wide'><div class='head'><h2>{TITLE}</h2></div>"
    yield from (f"<p class='note warn'>{_text(each)}</p>" for each in known.warnings)
    sides = ["", *["right"] * (len(known.headings) - 1)]
    yield _table(known.headings, known.rows, sides)
    yield from (f"<p class='note'>{_text(each)}</p>" for each in known.notes)
    yield "</section>"


def _architecture(now: Snapshot, trial: Trial) -> Iterator[str]:
    yield f"<section class='card wide'><div class='head'><h2>{_text(trial.name)}</h2></div>"
    yield "<div class='alone'><div class='split'>"
    if isinstance(trial.backbone, Architecture):
        data = base64.b64encode(drawing.svg(trial.backbone)).decode()
        words = _text(f"block diagram of {trial.name}")
        yield f"<div class='sideways' tabindex='0'><img class='diagram' alt='{words}'"
        yield f" src='data:image/svg+xml;base64,{data}'></div>"
    pairs = detail.key_figures(trial, now)
    yield "<dl class='figures'>"
    yield "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in pairs)
    yield "</dl></div></div>"
    if rows := detail.cost_rows(trial, now.facts):
        sides = ["", "", *["right"] * (len(detail.COST_HEADINGS) - 2)]
        table = _table(detail.COST_HEADINGS, rows, sides)
        yield f"<details><summary>costs, part by part</summary>{table}</details>"
    spec = _text(detail.spec_text(trial, now.facts))
    yield f"<details><summary>spec</summary><pre>{spec}</pre></details></section>"


def _label_maps(now: Snapshot) -> Iterator[str]:
    for each in now.promoted:
        if (picture := each.labels) is None:
            continue
        try:
            data = base64.b64encode(picture.read_bytes()).decode()
        except OSError:
            continue  # gone since: a report is not worth less for it
        heading = _text(f"{each.name}: label maps after full training")
        words = _text(f"validation images, their true labels, and those that {each.name} predicts")
        yield f"<section class='card wide'><div class='head'><h2>{heading}</h2></div>"
        yield f"<img class='labels' alt='{words}' src='data:image/png;base64,{data}'></section>"


def _table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    sides: Sequence[str],
    marks: Sequence[str] = (),
) -> str:
    header = "".join(
        f"<th class='{s}'>{_text(name)}</th>" for name, s in zip(headings, sides, strict=True)
    )
    body = []
    for index, row in enumerate(rows):
        cells = zip(row, sides, strict=True)
        inner = "".join(f"<td class='{side}'>{_text(cell)}</td>" for cell, side in cells)
        body.append(f"<tr class='{marks[index] if marks else ''}'>{inner}</tr>")
    return (
        f"<div class='scroll'><table><thead><tr>{header}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _text(words: str) -> str:
    """Foreign words in HTML, in an attribute too."""
    return escape(printable(words))


def _json(values: Mapping[str, Any]) -> str:
    """JSON that cannot end the element that it stands in."""
    return json.dumps(values, allow_nan=False).replace("<", "\\u003c")


def _policy(scripts: Sequence[str]) -> str:
    """What the page may do: run these scripts, and load nothing."""
    digests = [hashlib.sha256(script.encode()).digest() for script in scripts]
    hashes = " ".join(f"'sha256-{base64.b64encode(d).decode()}'" for d in digests)
    # plotly.js compiles its WebGL kernels, hence unsafe-eval.
    return (
        "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline';"
        f" script-src 'unsafe-eval' {hashes}"
    )


def _asset(name: str) -> str:
    return (resources.files("results.dashboard") / "assets" / name).read_text("utf-8")
