"""The bearer token that everything but health and documentation asks for."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from system.serve.http.errors import TooManyRequestsError, UnauthorizedError
from system.serve.services.connections import services_of

BEARER: Final = HTTPBearer(
    auto_error=False, description="The token in the file `api-token` of the stack's state folder."
)


Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)]


async def authorised(request: Request, credentials: Credentials) -> None:
    """Refuse a request without the token, or beyond the token's rate.

    Raises
    ------
    UnauthorizedError
        If the token is missing or another one.
    TooManyRequestsError
        If too many came under it; says when to send the next.
    """
    services = services_of(request)
    if credentials is None or not services.admits(credentials.credentials):
        raise UnauthorizedError
    if wait_s := services.rates.wait_s(request.method):
        raise TooManyRequestsError(request.method, wait_s)
