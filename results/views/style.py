"""How every figure looks. Colours are those of a light page; the page's script swaps each for its
partner in DARK where the reader's system is dark."""

from __future__ import annotations

import html
import math
from typing import Any

from results.figures import BLUE, GREEN, PURPLE, VERMILLION
from search_space.printable import one_line

Figure = dict[str, Any]
"""``data`` and ``layout``, as plotly.js takes them."""

INK, SOFT, GRID, FAINT, PAPER = "#1B1F24", "#59636E", "#E7EAEE", "#AEB7C1", "#FFFFFF"
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, "#8A6D00", "#5B5FA8", "#7A7A7A")
SHADES = ((0.0, "#DCE6EE"), (0.5, "#5AA0CC"), (1.0, "#00466E"))
"""Low to high."""

DARK = {
    INK: "#E6E9ED",
    SOFT: "#A2ACB7",
    GRID: "#2A3037",
    FAINT: "#5B6570",
    PAPER: "#191D22",
    BLUE: "#56B4E9",
    VERMILLION: "#F0945A",
    GREEN: "#35C79B",
    PURPLE: "#E3A3C8",
    "#8A6D00": "#E4C441",
    "#5B5FA8": "#A5A9EE",
    "#7A7A7A": "#B5B5B5",
    SHADES[0][1]: "#26323C",
    SHADES[1][1]: "#3C86B4",
    SHADES[2][1]: "#A9DCFA",
}
"""Light colour -> dark colour. Blue and orange stay apart for colour-blind eyes in both."""

MOST = 1000
"""Points that a figure shows at most: each is an element of the page, and a page that opens within
two seconds and updates by itself has room for no more."""

CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg"},
}
"""Of plotly.js: the camera button saves the figure as SVG."""


def text(words: str) -> str:
    """Foreign words inside a figure, where plotly.js reads a little HTML: shown as they are."""
    return html.escape(one_line(words), quote=False)


def axis(title: str, **more: Any) -> dict[str, Any]:
    """A quiet axis."""
    return {
        "title": {"text": title, "standoff": 8, "font": {"size": 12, "color": SOFT}},
        "gridcolor": GRID,
        "zeroline": False,
        "linecolor": GRID,
        "automargin": True,
        "tickfont": {"color": SOFT},
        **more,
    }


def figure(data: list[dict[str, Any]], x: Any = None, y: Any = None, **more: Any) -> Figure:
    """Traces with our layout. ``x`` and ``y`` are titles or whole axes."""
    clear = "rgba(0,0,0,0)"
    layout: dict[str, Any] = {
        "margin": {"l": 48, "r": 16, "t": 12, "b": 40},
        "paper_bgcolor": clear,
        "plot_bgcolor": clear,
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": SOFT},
        "xaxis": axis(x) if isinstance(x, str) else x,
        "yaxis": axis(y) if isinstance(y, str) else y,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "hoverlabel": {
            "bgcolor": PAPER,
            "bordercolor": FAINT,
            "font": {"color": INK},
            "align": "left",
        },
        "hovermode": "closest",
        "uirevision": "kept",  # a zoom outlives an update
    }
    layout.update(more)
    return {"data": data, "layout": {k: v for k, v in layout.items() if v is not None}}


def empty(why: str) -> Figure:
    """A figure that says why it shows nothing."""
    note = {
        "text": text(why),
        "showarrow": False,
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,
        "y": 0.5,
        "font": {"size": 13, "color": SOFT},
    }
    bare = {"visible": False}
    # Else its axes, which nobody chose, would outlive it as a zoom does.
    return figure([], bare, bare, annotations=[note], uirevision="empty")


def log_if_wide(values: list[float]) -> dict[str, Any]:
    """``type`` and ticks of an axis: logarithmic where values span more than a factor of four."""
    low, high = min(values), max(values)
    if low <= 0 or high <= 4 * low:
        return {}
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [float(f"{digit}e{decade}") for decade in decades for digit in (1, 2, 5)]
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}
