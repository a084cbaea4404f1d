"""Errors of the stores.

::

    RiskstreamError
    ├── UnavailableError
    │   ├── StoreUnavailableError   PostgreSQL or Redis did not answer within its bound
    │   └── NewerFormatError        rows were written by a newer version: upgrade
    ├── FencedError                 a newer stream driver has taken over: stop writing
    ├── CommitsUndoneError          PostgreSQL lost what this driver had committed: start again
    ├── InternalError
    │   └── SnapshotConflictError   two snapshots with one id
    └── InputError
        ├── ValueRefusedError       a value that no column of the database can hold
        ├── StateChangedError       the state has gone on since a person looked at it
        ├── ForeignContentError     Redis holds what no driver has written
        ├── PageTokenError          a page token that no answer of ours contained
        └── SchemaError             the schema is of a newer version, or may not be changed
"""

from system.errors import InputError, InternalError, RiskstreamError, UnavailableError


class StoreUnavailableError(UnavailableError):
    """PostgreSQL or Redis did not answer; names the server, the bound and the cause."""


class NewerFormatError(UnavailableError):
    """The database holds rows of a newer version, which this one cannot read.

    Parameters
    ----------
    stored, known : int
        Format in the database, and the highest that this version reads.
    """

    def __init__(self, stored: int, known: int) -> None:
        super().__init__(
            f"the database was written by a newer version of riskstream (format {stored}, this "
            f"version reads up to {known}): upgrade riskstream, or use the version that wrote it"
        )
        self.stored = stored
        self.known = known


class FencedError(RiskstreamError):
    """A newer driver holds the fence, so that this one must stop.

    Parameters
    ----------
    held : int
        The fence that this driver writes under.
    newer : int
        The newer fence in the store.
    """

    def __init__(self, held: int, newer: int) -> None:
        super().__init__(
            f"fence {held} is superseded by {newer}: another stream driver has taken over; "
            "stop this one"
        )
        self.held = held
        self.newer = newer


class ValueRefusedError(InputError):
    """A value that PostgreSQL cannot hold was looked for."""


class CommitsUndoneError(RiskstreamError):
    """PostgreSQL does not hold the batch that this driver had committed last.

    A fail-over to a replica that lagged, or a backup restored under a running driver, takes
    commits back. What the driver holds in memory is then ahead of the truth, so that it ends;
    the next one starts from what PostgreSQL has, and reads the rest from Kafka again.
    """


class SnapshotConflictError(InternalError):
    """A snapshot's id is in the history already; neither replaces the other."""


class StateChangedError(InputError):
    """A recovery was made for another state than the one that the database holds."""


class ForeignContentError(InputError):
    """Redis holds a value that no stream driver has written; names the key and what to do."""


class PageTokenError(InputError):
    """A page token is not one that this API gave out."""


class SchemaError(InputError):
    """The database's schema was made by a newer version, or may not be changed; says which."""
