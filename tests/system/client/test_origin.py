"""The token goes to the API's own origin, and nowhere else."""

from __future__ import annotations

import httpx
import pytest

from system.client.origin import authorization, is_same_origin
from system.connections import Connections, NotConnectedError

API = "http://127.0.0.1:8000"


def connections(tmp_path, **facts) -> Connections:
    return Connections(facts=facts, state_dir=tmp_path)


@pytest.mark.parametrize(
    "address",
    [
        "https://127.0.0.1:8000/v1/oracle",
        "http://127.0.0.1:8001/v1/oracle",
        "http://localhost:8000/v1/oracle",
        "http://127.0.0.1:8000@evil.example/v1/oracle",
        "http://127.0.0.1.evil.example:8000/",
    ],
)
def test_another_scheme_host_or_port_gets_no_token(tmp_path, address):
    known = connections(tmp_path, api_url=API, api_token="secret")  # noqa: S106 - made here
    assert not is_same_origin(httpx.URL(address), httpx.URL(API))
    assert authorization(httpx.URL(address), known) == {}


def test_the_api_itself_gets_its_token(tmp_path):
    known = connections(tmp_path, api_url=API, api_token="secret")  # noqa: S106 - made here
    headers = authorization(httpx.URL(f"{API}/v1/oracle"), known)
    assert headers == {"Authorization": "Bearer secret"}


def test_default_ports_are_the_same_as_written_ones():
    assert is_same_origin(httpx.URL("http://api.example"), httpx.URL("http://api.example:80/v1"))
    assert not is_same_origin(httpx.URL("http://api.example"), httpx.URL("https://api.example"))


def test_an_api_without_a_known_token_is_an_error_that_names_the_stack(tmp_path):
    with pytest.raises(NotConnectedError):
        authorization(httpx.URL(API), connections(tmp_path, api_url=API))
    assert authorization(httpx.URL(API), connections(tmp_path)) == {}
