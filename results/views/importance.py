"""What goes with a high score: simple associations, not causes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proxy_tasks.objectives import OF_SPEC, Shown, shown
from results.frontier import spearmans
from results.views.choices import PROPERTIES
from results.views.favourites import shares_of, signed
from results.views.snapshot import Snapshot
from results.views.style import BLUE, VERMILLION, Figure, axis, empty, figure, text

FEWEST = 12
"""Candidates from which a correlation is worth a look."""
SHOWN = 14

_PREFIX = {"connection": "climbs", "type": ""}
"""Before a value, where that is not the property's own name."""


def traits(now: Snapshot) -> dict[str, NDArray[np.float64]]:
    """Numbers that describe the candidates, each of shape (N,): shares of every level, climb,
    dilation and type, how many blocks are built, and the measured cost."""
    return now.once("traits", lambda: _traits(now))


def _traits(now: Snapshot) -> dict[str, NDArray[np.float64]]:
    found: dict[str, NDArray[np.float64]] = {}
    for of in PROPERTIES:
        each, _ = shares_of(now, of)
        for rank, label in enumerate(signed(each.labels, of)):
            found[f"{_PREFIX.get(of, of)} {label}".strip()] = each.share_NV[:, rank]
        if of == "type":
            found["blocks built"] = each.count_N
    for cost in shown(Shown.TABLE, *OF_SPEC):
        value_N = now.candidates[cost.name].to_numpy()
        if not np.isnan(value_N).any():  # older trials do not know what came later
            found[cost.label] = value_N
    return found


def trait_importance(now: Snapshot) -> Figure:
    """Spearman's rank correlation of each trait with the score, strongest first."""
    score_N = now.candidates["score"].to_numpy()
    if len(score_N) < FEWEST:
        return empty(f"shown from {FEWEST} candidates on")
    known = traits(now)
    pairs = list(zip(known, spearmans(list(known.values()), score_N), strict=True))
    ranked = sorted((p for p in pairs if p[1] == p[1]), key=lambda p: -abs(p[1]))[:SHOWN]
    colors = [BLUE if value >= 0 else VERMILLION for _, value in ranked]
    x = axis("Spearman's correlation with the score", range=[-1, 1])
    return _ranking(ranked, colors, x, "%{y}: %{x:.2f}")


def gene_importance(now: Snapshot) -> Figure:
    """The share of the score's variance that goes with each gene's value alone, largest first.

    Epsilon squared of a one-way layout (Kelley 1935, PNAS 21): corrected for the number of
    values, so that a gene with many has no advantage; 0 on average where there is nothing.
    """
    genotypes, score_N = _genotypes(now)
    if len(score_N) < FEWEST or genotypes.shape[1] != len(now.facts.genes):
        return empty(f"shown from {FEWEST} candidates on")
    # A gene's values lie side by side: at many trials this takes a quarter of the time.
    values = [epsilon_squared(gene_N, score_N) for gene_N in np.ascontiguousarray(genotypes.T)]
    pairs = zip(now.facts.genes, values, strict=True)
    ranked = sorted((p for p in pairs if p[1] > 0), key=lambda p: -p[1])[:SHOWN]
    if not ranked:
        return empty("no single gene goes with the score")
    x = axis("share of the score's variance (%)", rangemode="tozero")
    shown = [(name, 100 * value) for name, value in ranked]
    return _ranking(shown, [BLUE] * len(shown), x, "%{y}: %{x:.1f} %")


def epsilon_squared(group_N: NDArray[np.int64], score_N: NDArray[np.float64]) -> float:
    """Adjusted share of variance between groups, which are numbered from 0; NaN where every group
    has one member."""
    sizes = np.bincount(group_N)
    held = sizes > 0
    count, groups = len(score_N), int(held.sum())
    centred_N = score_N - score_N.mean()
    total = float(centred_N @ centred_N)
    if groups < 2 or groups >= count or total == 0:
        return float("nan")
    sum_G = np.bincount(group_N, centred_N)[held]
    between = float((sum_G**2 / sizes[held]).sum())
    within = (total - between) / (count - groups)
    return (between - (groups - 1) * within) / total


def _genotypes(now: Snapshot) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    numbers, score_N = now.searched
    rows = now.memo.genes.of(numbers, lambda n: now.by_number[n].genotype or ())
    return rows.reshape(len(numbers), -1 if numbers else 0), score_N


def _ranking(
    ranked: Sequence[tuple[str, float]], colors: list[str], x: dict[str, Any], said: str
) -> Figure:
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": [text(name) for name, _ in ranked],
        "x": [round(value, 4) for _, value in ranked],
        "marker": {"color": colors},
        "hovertemplate": said + "<extra></extra>",
    }
    return figure([bars], x, axis("", autorange="reversed", type="category"), bargap=0.35)
