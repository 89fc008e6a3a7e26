"""Every exception of the package, in one tree.

``EvgiError`` is the root. Each exception keeps, as attributes, the values that its message names::

    EvgiError
    ├── UnitError                   a number that cannot be an amount, an energy or a time
    └── ...
"""

from __future__ import annotations


class EvgiError(Exception):
    """Root of every error this package raises on purpose."""


class UnitError(EvgiError, ValueError):
    """A number that cannot be an amount, an energy or a time."""
