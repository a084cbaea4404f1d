"""The clients are complete: a call for each route of the API, and the same methods in both."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterator
from enum import EnumMeta
from typing import Any
from unittest.mock import MagicMock

import pytest

from system.client import calls
from system.client.async_client import AsyncRiskClient
from system.client.call import Call
from system.client.sync_client import RiskClient
from tests.system.serve.conftest import World, world

__all__ = ["world"]
WITHOUT_A_CALL = {
    ("GET", "/v1/stream"),  # asked by `stream`
    ("GET", "/v1/oracle"),  # in what `health` and the stream's status answer
    ("GET", "/v1/replay"),  # the same
    ("GET", "/v1/live"),  # for whoever starts the process again
}
_LIFE = {"close", "aclose", "send"}


def public_methods(kind: type) -> set[str]:
    return {
        name
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and name not in _LIFE
    }


def made_up(annotation: Any) -> Any:
    """Return a value for a parameter: only the way to the route matters."""
    if annotation is str:
        return "x"
    if annotation is float:
        return 1.0
    if isinstance(annotation, EnumMeta):
        return next(iter(annotation))
    return MagicMock()


def requests_of_the_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, str]]:
    """Yield method and path of each call."""
    monkeypatch.setattr(calls, "encode", lambda body: b"{}")
    monkeypatch.setattr(calls.msgspec.structs, "replace", lambda body, **changes: body)
    for _, function in inspect.getmembers(calls, inspect.isfunction):
        hints = typing.get_type_hints(function)
        if function.__module__ != calls.__name__ or typing.get_origin(hints["return"]) is not Call:
            continue
        needed = [
            made_up(hints[name])
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.default is inspect.Parameter.empty
        ]
        call = function(*needed)
        yield call.method, call.path


def routes_of(app: Any) -> set[tuple[str, str]]:
    return {
        (method.upper(), path)
        for path, methods in app.openapi()["paths"].items()
        for method in methods
        if path.startswith("/v1/")
    }


def test_each_route_of_the_api_has_a_call(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = set(requests_of_the_client(monkeypatch))
    missing = {
        (method, path)
        for method, path in routes_of(world.client.app) - WITHOUT_A_CALL
        if not any(
            method == sent and re.fullmatch(re.sub(r"{[^}]+}", "[^/]+", path), place)
            for sent, place in asked
        )
    }
    assert missing == set()


def test_both_clients_have_the_same_methods() -> None:
    assert public_methods(RiskClient) == public_methods(AsyncRiskClient)
