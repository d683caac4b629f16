"""Numbers as people read them."""

from __future__ import annotations

import math

from proxy_tasks.task import PERCENT, Metric


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
    return f"{percent(value)} %" if by in PERCENT else f"{value:.4f}"


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
