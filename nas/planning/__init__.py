"""From a data set, a machine and some hours to a config, each value with its reason.

    made = make(values_of("photos/"), 4.0, (), console)     # read, measure, decide
    show(made, 4.0, console)
    made.config, made.text                                  # to run, and to edit

`seeing` follows from the images alone, `learning` from their labels, `hours` from the machine.
"""

from nas.planning.fitting import fitted
from nas.planning.make import HOURS, Made, make, show
from nas.planning.source import values_of

__all__ = ["HOURS", "Made", "fitted", "make", "show", "values_of"]
