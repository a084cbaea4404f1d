"""The bearer token that everything but health and documentation asks for."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from system.serve.errors import UnauthorizedError
from system.serve.services import services_of

BEARER: Final = HTTPBearer(
    auto_error=False, description="The token in the file `api-token` of the stack's state folder."
)


async def authorised(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)],
) -> None:
    """Refuse a request without the token.

    Raises
    ------
    UnauthorizedError
        If the token is missing or another one.
    """
    if credentials is None or not services_of(request).admits(credentials.credentials):
        raise UnauthorizedError
