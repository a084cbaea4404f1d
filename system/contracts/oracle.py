"""Status of the independent oracle: the one type that is stored, served and shown."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class OracleVerdict(StrEnum):
    """Verdict of the oracle on one stated number."""

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
    """``GET /v1/oracle``: what the oracle has found since ``since_ms`` (its wall clock).

    ``agreed`` of ``checked`` snapshots are right to 1e-9; ``not_compared`` were taken up and
    could not be recomputed, for the reason in ``problem`` or in their check. ``samples_per_s``
    is the most live snapshots that it takes up in a second; ends of day are all taken up.
    ``first_difference`` is kept in PostgreSQL and stays until a person acknowledges it; of the
    differences ``acknowledged`` are behind that. ``newest`` holds the last check of each
    portfolio, of a bounded number of them.

    Not checked, by reason: ``skipped`` live snapshots were not sampled; ``behind`` came after
    the oracle had gone on past their offsets; ``not_stored`` are not what PostgreSQL holds under
    their id (forged, or never committed); ``unreadable`` records were no snapshots. ``base``
    says where the oracle began to read: the beginning of the topics, or a checkpoint of its own.
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
    skipped: int = 0
    behind: int = 0
    not_stored: int = 0
    acknowledged: int = 0
    since_ms: int = 0
    base: str = ""
    newest: dict[str, OracleCheck] = {}

    @property
    def verdict(self) -> OracleVerdict:
        """Return what the checks say together: one difference is a difference."""
        open_count = self.checked - self.agreed - self.acknowledged
        if self.first_difference is not None or open_count > 0:
            return OracleVerdict.DIFFERS
        return OracleVerdict.AGREED if self.checked else OracleVerdict.UNCHECKED


NO_ORACLE = OracleStatus(running=False, samples_per_s=0.0)
"""Status while no oracle runs."""
