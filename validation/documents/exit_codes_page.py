"""Reference page of the exit codes, made from ``ExitCode`` and the docstrings of its members."""

from __future__ import annotations

from typing import Final

from system.exits import ExitCode
from validation.documents.markdown import code, plain, table
from validation.documents.settings_page import attribute_docstrings

HEAD: Final = """# Exit codes

Made from `system/exits.py` by `python -m validation.documents`. A code keeps its meaning.

"""
TAIL: Final = """
Codes 75 to 78 are those of the stream's own process, for its supervisor. `riskstream recover`
ends with 78 as long as a person has to decide.
"""


def exit_codes_page() -> str:
    """Return the page."""
    meanings = attribute_docstrings(ExitCode)
    rows = [(str(each.value), code(each.name), plain(meanings[each.name])) for each in ExitCode]
    return HEAD + table(("code", "name", "meaning"), rows) + TAIL
