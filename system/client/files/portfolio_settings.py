"""The settings of a portfolio as words: in the head of a file, or on the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from system.client.errors import PortfolioFileError
from system.client.files.cells import converted, number_of
from system.client.moments import MomentError, statement_moment
from system.contracts.limits import Limit
from system.contracts.messages import Portfolio, field_names

AS_OF: Final = "as_of"
"""The moment of the positions: a date-time with its offset, or a date for the end of that day."""
AS_OF_FIELDS: Final = ("as_of_ns", "as_of_day")
SETTINGS: Final = (
    *(name for name in field_names(Portfolio) if name not in ("positions", *AS_OF_FIELDS)),
    AS_OF,
)
COUNTS: Final = ("window", "carry_max_sessions")
NUMBERS: Final = (*COUNTS, "var_limit_fraction", "carry_max_share")
LIMITS_EXAMPLE: Final = "gross=1.5/2, vega=0.002/0.003"
_LIMIT: Final = re.compile(
    r"\s*(?P<measure>\w+)\s*=\s*(?P<warning>[^/]+?)\s*/\s*(?P<breach>.+?)\s*"
)


def typed_settings(
    path: Path, lines: Mapping[str, int], chosen: Mapping[str, str]
) -> dict[str, Any]:
    """Return settings with their numbers as numbers, limits as limits, a moment as its field.

    Parameters
    ----------
    path : Path
        The file that they belong to, for messages.
    lines : mapping of str to int
        In which line a setting stands; 1 where it was given elsewhere.
    chosen : mapping of str to str
        Settings by name.

    Raises
    ------
    PortfolioFileError
        If a number or a moment is none, or a limit is not like ``gross=1.5/2``; names the value.
    """
    fields: dict[str, Any] = dict(chosen)
    for name in NUMBERS:
        if name in fields:
            number = number_of(path, lines.get(name, 1), name, fields[name])
            fields[name] = int(number) if number.is_integer() and name in COUNTS else number
    if AS_OF in fields:
        try:
            fields |= statement_moment(fields.pop(AS_OF))
        except MomentError as error:
            raise PortfolioFileError(path, lines.get(AS_OF), f"{AS_OF}: {error}") from None
    if "limits" in fields:
        words = [word for word in fields["limits"].split(",") if word.strip()]
        line = lines.get("limits", 1)
        fields["limits"] = tuple(_limit(path, line, word) for word in words)
    return fields


def _limit(path: Path, line: int, word: str) -> Limit:
    parts = _LIMIT.fullmatch(word)
    if parts is None:
        detail = (
            f"limits: {word.strip()!r} is not MEASURE=WARNING/BREACH, fractions of NAV, as in "
            f"{LIMITS_EXAMPLE!r}"
        )
        raise PortfolioFileError(path, line, detail)
    levels = {
        name: number_of(path, line, f"limits: {name} of {parts['measure']}", parts[name])
        for name in ("warning", "breach")
    }
    return converted(path, line, {"measure": parts["measure"], **levels}, Limit)
