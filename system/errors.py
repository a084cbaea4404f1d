"""The error tree of the product: whose fault it is stands in the class.

::

    RiskstreamError
    ├── InputError          the world's fault: a file, a message, a request, a setting
    │   ├── MessageError        a message on a topic or in a request body
    │   └── (system.risk.errors, system.simulate.errors ... add their own)
    ├── UnavailableError    a server did not answer within its bound
    └── InternalError       ours: an invariant of the product does not hold

An ``InputError`` names the field, the value, where it came from and what to do.
"""


class RiskstreamError(Exception):
    """Base of every error that this product raises on purpose."""


class InputError(RiskstreamError):
    """The input is wrong; the message says what, where, which value and what to do."""


class MessageError(InputError):
    """A message does not follow its contract.

    Parameters
    ----------
    reason : str
        A short machine-readable reason, one of ``system.contracts.RejectReason``.
    detail : str
        The field and the value, for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class UnavailableError(RiskstreamError):
    """A server did not answer within its bound; the message names it and the bound."""


class InternalError(RiskstreamError):
    """An invariant of the product does not hold: a defect of ours, please report it."""
