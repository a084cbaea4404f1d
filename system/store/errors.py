"""What can go wrong with the stores.

::

    RiskstreamError
    ├── UnavailableError
    │   └── StoreUnavailableError   PostgreSQL or Redis did not answer within its bound
    ├── FencedError                 a newer stream driver has taken over: stop writing
    └── InputError
        ├── ValueRefusedError       a value that no column of the database can hold
        ├── PageTokenError          a page token that no answer of ours contained
        └── SchemaError             the database was made by another version
"""

from system.errors import InputError, RiskstreamError, UnavailableError


class StoreUnavailableError(UnavailableError):
    """PostgreSQL or Redis did not answer; names the server, the bound and the cause."""


class FencedError(RiskstreamError):
    """A newer driver holds the fence, so that this one must stop.

    Parameters
    ----------
    held : int
        The fence that this driver writes under.
    found : int
        The newer fence in the store.
    """

    def __init__(self, held: int, found: int) -> None:
        super().__init__(
            f"fence {held} is superseded by {found}: another stream driver has taken over; "
            "stop this one"
        )
        self.held = held
        self.found = found


class ValueRefusedError(InputError):
    """A value that PostgreSQL cannot hold was looked for."""


class PageTokenError(InputError):
    """A page token is not one that this API gave out."""


class SchemaError(InputError):
    """The database's schema was made by a version that this one does not know."""
