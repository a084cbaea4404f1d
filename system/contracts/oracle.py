"""What the independent oracle says of the numbers: the shape that is stored, served and shown."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class OracleVerdict(StrEnum):
    """Whether the oracle's own number is the stated one."""

    AGREED = "agreed"
    DIFFERS = "differs"
    UNCHECKED = "not yet checked"


class OracleCheck(Struct, frozen=True, kw_only=True):
    """One snapshot that the oracle has recomputed, or could not.

    ``largest_difference`` is the largest relative difference of any compared number, None
    where none was compared; ``detail`` says what differs, or why nothing was compared.
    ``checked_at_ms`` is the oracle's wall clock, milliseconds since 1970-01-01 UTC.
    """

    snapshot_id: str
    portfolio: str
    verdict: OracleVerdict
    largest_difference: float | None
    detail: str
    checked_at_ms: int


class OracleStatus(Struct, frozen=True, kw_only=True):
    """``GET /v1/oracle``: what the oracle has found since it was started.

    ``agreed`` of ``checked`` snapshots are right to 1e-9; ``not_compared`` were taken up and
    could not be recomputed, for the reason in ``problem`` or in their check. ``samples_per_s``
    is the most live snapshots that it takes up in a second; ends of day are all taken up.
    ``first_difference`` stays until the oracle is started anew. ``unreadable``
    records of the topic of snapshots were no snapshots, and were skipped. ``newest`` holds the
    last check of each portfolio, of a bounded number of them.
    """

    running: bool
    samples_per_s: float
    checked: int = 0
    agreed: int = 0
    not_compared: int = 0
    worst_difference: float | None = None
    problem: str = ""
    first_difference: OracleCheck | None = None
    unreadable: int = 0
    newest: dict[str, OracleCheck] = {}

    @property
    def verdict(self) -> OracleVerdict:
        """Return what the checks say together: one difference is a difference."""
        if self.checked > self.agreed:
            return OracleVerdict.DIFFERS
        return OracleVerdict.AGREED if self.checked else OracleVerdict.UNCHECKED


NO_ORACLE = OracleStatus(running=False, samples_per_s=0.0)
"""What is known while no oracle runs."""
