"""What must hold of every attribute of a block that the first release did not have.

Each check takes the attribute and a value that is not its default. They run in a process whose
``Block`` has such attributes: ``python -P -m tests.support.attribute_checks`` prints what failed.
"""

from tests.support.attribute_checks import exports, files, networks, spaces, views
from tests.support.attribute_checks.common import CHECKS

__all__ = ["CHECKS", "VALUES", "exports", "files", "networks", "spaces", "views"]

VALUES = {
    "girth": 2,
    "pooled": True,
    "mixing": "max",
    "width": 2.0,
    "repeats": 3,
    "separable": True,
}
"""Attribute of the process in which the checks run -> the value that it gets."""
