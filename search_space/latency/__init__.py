"""What exported networks take, predicted from their specs and a table of operators.

`operators` lays a network out as what a runtime executes, `table` is the file of what such
operators took on a device, `fit` says what shapes take that were never measured, and `model` puts
them together. ``results.latency`` measures tables.
"""

from __future__ import annotations

from search_space.latency.model import Latency, LatencyModel
from search_space.latency.table import LatencyTable, load

__all__ = ["Latency", "LatencyModel", "LatencyTable", "load"]
