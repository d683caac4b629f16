"""An audit to look at: how a proxy ranks, and what each fidelity buys for its cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import Bbox

from results import figures
from results.audit import NEARLY, Audited, Estimate, Verdict, cheapest, tops, two_digits
from results.figures import BLUE, FAINT, INK, SOFT, VERMILLION, Paths
from search_space.printable import printable

WIDTH, HEIGHT = 7.6, 5.2
REST = "#8C8C8C"
"""Of the points that are not pointed out: they still have to be seen in print."""
Side = Literal["left", "center", "right"]
Spot = tuple[str, float, float, Side]
"""Where a label may stand: by which figure of tau, points across and up from it, alignment."""
_BESIDE: tuple[tuple[float, Side], ...] = ((9, "left"), (-9, "right"))
_BEYOND: tuple[tuple[float, Side], ...] = ((0, "center"), (1, "left"), (-1, "right"))
_ENDS = (("high", 9), ("low", -9), ("high", 21), ("low", -21))
SPOTS: tuple[Spot, ...] = (
    *(("value", x, y, side) for y in (0, 7, -7) for x, side in _BESIDE),
    *((end, x, y, side) for end, y in _ENDS for x, side in _BEYOND),
)


def draw_audit(
    audited: Audited,
    verdict: Verdict,
    paths: Paths,
    metric: str,
    reference: str = "mIoU",
    title: str | None = None,
) -> list[Path]:
    """The reference's scores against the proxy's, into one file or several (.png, .svg).

    A point an architecture: the mean over the proxy's seeds, with one standard deviation of a
    score between seeds to either side. The reference's best quarter are diamonds; right of the
    dotted line is the best quarter by the proxy's mean. Returns the paths.

    Raises:
        UserError: for another suffix, or a folder that cannot be written.
    """
    listed = figures.check_paths(paths)
    with figures.style():
        heading = printable(title or "Proxy against reference")
        figure, axes = _canvas(heading, _caption(verdict))
        seeds = len(audited.proxy_SN)
        axes.set_xlabel(printable(f"{metric}, proxy (mean of {seeds} seeds)"), color=SOFT)
        axes.set_ylabel(printable(f"{reference}, reference"), color=SOFT)
        _plot_architectures(axes, audited, verdict.noise)
        return figures.save(figure, listed, heading)


def draw_grid(
    verdicts: Mapping[str, Verdict], paths: Paths, wanted: float = NEARLY, title: str | None = None
) -> list[Path]:
    """Tau with its interval against the proxy's cost, a point a fidelity (name -> verdict).

    The cheapest fidelity that reaches the wanted tau is a diamond, by tau's value. Returns the
    paths.

    Raises:
        UserError: for another suffix, or a folder that cannot be written.
    """
    listed = figures.check_paths(paths)
    with figures.style():
        heading = printable(title or "What each fidelity buys")
        figure, axes = _canvas(heading, _choice(verdicts, wanted))
        axes.set_xlabel("cost of a proxy training (reference = 1)", color=SOFT)
        axes.set_ylabel("Kendall's tau against the reference", color=SOFT)
        _plot_fidelities(axes, verdicts, wanted)
        return figures.save(figure, listed, heading)


def _canvas(heading: str, caption: str) -> tuple[Figure, Axes]:
    figure = figures.new_figure(WIDTH, HEIGHT)
    axes = figure.add_axes((0.1, 0.115, 0.87, 0.715))
    figure.text(0.025, 0.957, heading, size=13, weight="bold", color=INK, va="center")
    figure.text(0.025, 0.908, caption, size=9.5, color=SOFT, va="center")
    axes.grid(color="#ECECEC", lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=SOFT, length=0, labelsize=9)
    axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
    return figure, axes


def _caption(verdict: Verdict) -> str:
    tau, seeds = two_digits(verdict.tau), two_digits(verdict.seed_to_seed)
    return (
        f"Kendall's tau {tau}, seed to seed {seeds} · {verdict.architectures} architectures · "
        f"1/{verdict.cost_ratio:.1f} of the cost"
    )


def _choice(verdicts: Mapping[str, Verdict], wanted: float) -> str:
    name = cheapest(verdicts, wanted)
    if name is None:
        return f"No fidelity reaches tau {wanted:g}"
    share = f"1/{verdicts[name].cost_ratio:.1f} of the reference's cost"
    return printable(f"The cheapest that reaches tau {wanted:g}: {name}, at {share}")


def _plot_architectures(axes: Axes, audited: Audited, noise: float) -> None:
    x_N, y_N = np.mean(audited.proxy_SN, axis=0), np.asarray(audited.reference_N)
    k = tops(len(y_N))[-2]
    best = f"{k} best" if k > 1 else "best"
    best_N = np.zeros(len(y_N), dtype=bool)
    best_N[np.argsort(-y_N, kind="stable")[:k]] = True
    axes.scatter(
        x_N[best_N], y_N[best_N], s=46, color=BLUE, marker="D", lw=0, zorder=3,
        label=f"the reference's {best}",
    )  # fmt: skip
    axes.scatter(x_N[~best_N], y_N[~best_N], s=32, color=REST, lw=0, label="others", zorder=2)
    axes.errorbar(
        x_N, y_N, xerr=noise, fmt="none", ecolor=FAINT, elinewidth=1.0, zorder=1,
        label="± one deviation between seeds",
    )  # fmt: skip
    axes.margins(0.05, 0.09)
    edge = float(np.sort(x_N)[::-1][k - 1 : k + 1].mean())
    axes.axvline(edge, color=SOFT, lw=1.1, ls=(0, (1, 2)), zorder=1)
    crowded = axes.transLimits.transform((edge, 0))[0] > 0.8
    axes.annotate(
        f"the proxy's {best} →", (edge, 0), xycoords=axes.get_xaxis_transform(), size=9,
        xytext=(-5 if crowded else 5, 5), textcoords="offset points", color=SOFT,
        ha="right" if crowded else "left", bbox={"fc": "white", "lw": 0, "pad": 1},
    )  # fmt: skip
    _legend(axes)


def _plot_fidelities(axes: Axes, verdicts: Mapping[str, Verdict], wanted: float) -> None:
    chosen = cheapest(verdicts, wanted)
    axes.axhline(wanted, color=VERMILLION, lw=1.2, ls=(0, (5, 2.5)), zorder=1, label="wanted tau")
    for name, verdict in verdicts.items():
        _plot_fidelity(axes, 1 / verdict.cost_ratio, verdict.tau, name == chosen)
    axes.plot([], [], color=REST, marker="o", lw=1.4, mew=0, label="95 % interval")
    if chosen is not None:
        axes.plot([], [], color=BLUE, marker="D", lw=0, mew=0, label="cheapest that reaches it")
    axes.margins(y=0.12)
    _set_cost_axis(axes, [1 / verdict.cost_ratio for verdict in verdicts.values()])
    _legend(axes)
    _label(axes, verdicts, chosen, wanted)


def _plot_fidelity(axes: Axes, cost: float, tau: Estimate, chosen: bool) -> None:
    color, marker, size = (BLUE, "D", 58) if chosen else (REST, "o", 36)
    axes.vlines(cost, tau.low, tau.high, color=color, lw=1.4, zorder=2)
    axes.scatter(cost, tau.value, s=size, marker=marker, color=color, lw=0, zorder=3)


def _set_cost_axis(axes: Axes, costs: Sequence[float]) -> None:
    """Logarithmic, with fractions at powers of two for ticks."""
    axes.set_xscale("log")
    low, high = min(costs) / 1.4, max(costs) * 1.7
    axes.set_xlim(low, high)
    powers = range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
    axes.xaxis.set_major_locator(FixedLocator([2.0**power for power in powers]))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda x, _: f"{x:g}" if x >= 1 else f"1/{1 / x:g}")
    )
    axes.xaxis.set_minor_locator(NullLocator())


def _label(axes: Axes, verdicts: Mapping[str, Verdict], chosen: str | None, wanted: float) -> None:
    """Each fidelity's name beside its point, where it covers least of what stands already."""
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    point = figure.dpi / 72
    drawn = [_bar(axes, verdict).padded(5 * point, 0) for verdict in verdicts.values()]
    (_, line), (left, right) = axes.transData.transform((1, wanted)), axes.bbox.intervalx
    drawn.append(Bbox([(left, line), (right, line)]).padded(0, point))
    labels: list[Bbox] = []
    for name, verdict in sorted(verdicts.items(), key=lambda item: item[0] != chosen):
        text = axes.annotate(
            printable(name), (1 / verdict.cost_ratio, verdict.tau.value), xytext=(0, 0),
            textcoords="offset points", size=9, va="center", color=BLUE if name == chosen else INK,
        )  # fmt: skip
        _place(text, verdict.tau, axes, drawn, labels)
        labels.append(text.get_window_extent().padded(4 * point, 0))


def _bar(axes: Axes, verdict: Verdict) -> Bbox:
    cost, tau = 1 / verdict.cost_ratio, verdict.tau
    return Bbox(axes.transData.transform([(cost, tau.low), (cost, tau.high)]))


def _place(
    text: Annotation, tau: Estimate, axes: Axes, drawn: Sequence[Bbox], labels: Sequence[Bbox]
) -> None:
    """On the first of the spots that is inside, off other labels, and on least of what is drawn."""

    def cost(spot: Spot) -> tuple[bool, int, int]:
        end, x, y, side = spot
        text.xy = (text.xy[0], getattr(tau, end))
        text.set_position((x, y))
        text.set_horizontalalignment(side)
        box = text.get_window_extent()
        outside = box.x0 < axes.bbox.x0 or box.x1 > axes.bbox.x1
        return bool(outside), int(box.count_overlaps(labels)), int(box.count_overlaps(drawn))

    cost(min(SPOTS, key=cost))


def _legend(axes: Axes) -> None:
    axes.legend(
        ncols=3, frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(-0.012, 1.0),
        handletextpad=0.4, columnspacing=1.6, borderpad=0.2,
    )  # fmt: skip
