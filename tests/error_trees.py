"""Error trees that modules draw in their docstrings, compared with their classes."""

from __future__ import annotations

import re
from types import ModuleType

from system.errors import RiskstreamError


def own_errors(module: ModuleType) -> set[str]:
    """Return the names of the errors that a module defines."""
    return {
        name
        for name, kind in vars(module).items()
        if isinstance(kind, type)
        and issubclass(kind, RiskstreamError)
        and kind.__module__ == module.__name__
    }


def undrawn(module: ModuleType) -> set[str]:
    """Return the errors of a module that its docstring does not draw."""
    return own_errors(module) - set(re.findall(r"\b(\w+Error)\b", module.__doc__ or ""))
