"""Base of the tables of scenario files, and the kinds of values that they share."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from system.contracts.text.checked import Checked
from system.contracts.text.names import Identifier

MAX_DAYS: Final = 300

DayNumber: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_DAYS)]
Begin: TypeAlias = Annotated[float, Meta(ge=0, lt=1)]
End: TypeAlias = Annotated[float, Meta(gt=0, le=1)]
Names: TypeAlias = tuple[Identifier, ...]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=600)]


class Strict(Checked, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the tables: a key that is not known is an error."""
