"""Every client of a server is made in one of three homes, or with the bounds that they define."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from system.places import PROJECT_DIR

CLIENTS = {"KafkaAdminClient", "KafkaConsumer", "KafkaProducer", "from_url"}
BOUNDS = {"link_options", "_options"}


@cache
def calls() -> list[tuple[str, ast.Call]]:
    """Return every call in the product's own code, with its file."""
    return [
        (str(path.relative_to(PROJECT_DIR)), node)
        for path in sorted(Path(PROJECT_DIR, "system").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
    ]


def called(call: ast.Call) -> str:
    """Return the last part of what is called: ``connect`` of ``psycopg.connect(...)``."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def has_bounds(call: ast.Call) -> bool:
    """Return whether keywords of a call come from one of the homes: ``**link_options(...)``."""
    unpacked = [keyword.value for keyword in call.keywords if keyword.arg is None]
    return any(isinstance(each, ast.Call) and called(each) in BOUNDS for each in unpacked)


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_every_client_of_kafka_and_redis_has_the_bounds_of_its_home(client):
    made = [
        (path, call)
        for path, call in calls()
        if called(call) == client and "machine.org" not in ast.unparse(call.func)  # Java's own
    ]
    assert made
    assert [(path, call.lineno) for path, call in made if not has_bounds(call)] == []


def test_postgresql_is_connected_to_in_one_place():
    assert [
        (path, call.lineno) for path, call in calls() if ast.unparse(call.func) == "psycopg.connect"
    ] == []
