"""Numbers as people read them."""

from __future__ import annotations

import math

from proxy_tasks.objectives import OBJECTIVES, Metric, Objective
from proxy_tasks.objectives.objective import GIGA, MEGA, NUMBER, PERCENT, SECONDS, Unit


def giga(value: float) -> str:
    """0.152 G for 152 million."""
    return f"{three_digits(value / 1e9)} G"


def mega(value: float) -> str:
    """1.08 M for 1,080,000."""
    return f"{three_digits(value / 1e6)} M"


def percent(fraction: float) -> str:
    """41.3 for 0.413."""
    return f"{100 * fraction:.1f}"


def score(value: float, by: Metric) -> str:
    """A search's score, by the metric that it goes by: 41.3 % or -1.2345."""
    return shown(value, OBJECTIVES[by].unit)


def duration(seconds: float) -> str:
    """48 s, 12.5 min, 3.2 h or 5.1 days."""
    if seconds < 99.5:
        return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"
    minutes = seconds / 60
    if minutes < 99.95:
        return f"{minutes:.1f} min"
    hours = minutes / 60
    return f"{hours:.1f} h" if hours < 99.95 else f"{hours / 24:.1f} days"


def counted(count: int, thing: str) -> str:
    """1 epoch, 2 epochs."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def three_digits(value: float) -> str:
    """Three significant digits without an exponent."""
    if value == 0:
        return "0"
    # Rounded first: 0.9996 has to count as 1.00.
    size = math.floor(math.log10(abs(float(f"{value:.2e}"))))
    return f"{value:.{max(0, 2 - size)}f}"


def shown(value: float, unit: Unit) -> str:
    """A plain value as people read it: 41.3 %, 0.152 G, 12.3 ms, 48 s; 1.2345 without a unit."""
    if unit in _SHOWN:
        return _SHOWN[unit](value)
    return f"{three_digits(unit.factor * value)} {unit.symbol}"


def cell(value: float, unit: Unit) -> str:
    """As shown, in a table: the heading has the percent sign, and three decimals are enough."""
    if unit is PERCENT:
        return percent(value)
    return f"{value:.3f}" if unit is NUMBER else shown(value, unit)


def said(value: float, objective: Objective) -> str:
    """With what it is of: 1.08 M parameters."""
    return objective.phrase(shown(value, objective.unit))


_SHOWN = {
    NUMBER: "{:.4f}".format,
    PERCENT: lambda value: f"{percent(value)} %",
    GIGA: giga,
    MEGA: mega,
    SECONDS: duration,
}
