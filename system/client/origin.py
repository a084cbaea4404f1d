"""Authorization of requests: the token goes to the API that it belongs to, and nowhere else.

An origin is scheme, host and port (RFC 6454); the rest of an address does not count.
"""

from __future__ import annotations

import httpx

from system.settings import Connections


def authorization(address: httpx.URL, connections: Connections) -> dict[str, str]:
    """Return the headers that authorise a request, none where it leaves the API's own origin.

    Parameters
    ----------
    address : httpx.URL
        As the request will be sent: what another parser made of it could be another host.
    connections : Connections
        Whose ``api_url`` and ``api_token`` belong together.

    Raises
    ------
    NotConnectedError
        If the address is the API's, and its token is not known.
    """
    api_url = connections.get("api_url")
    if api_url is None or not is_same_origin(address, httpx.URL(api_url)):
        return {}
    return {"Authorization": f"Bearer {connections.api_token}"}


def is_same_origin(address: httpx.URL, other: httpx.URL) -> bool:
    """Return whether two addresses have one scheme, host and port.

    Examples
    --------
    >>> api = httpx.URL("http://127.0.0.1:8000")
    >>> is_same_origin(httpx.URL("http://127.0.0.1:8000/v1/oracle"), api)
    True
    >>> is_same_origin(httpx.URL("http://127.0.0.1:8000@evil.example/v1/oracle"), api)
    False
    """
    return _origin(address) == _origin(other)


def _origin(address: httpx.URL) -> tuple[str, bytes, int | None]:
    ports = {"http": 80, "https": 443}
    return address.scheme, address.raw_host, address.port or ports.get(address.scheme)
