"""A record's own connection: made late, closed by a failure, made again."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from system.store.errors import StoreUnavailableError
from system.store.postgres import connection as connections
from system.store.postgres.connection import OwnConnection

URL = "postgresql://user:secret@127.0.0.1:1/none"


class FakeConnection:
    autocommit = False
    is_closed = False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[FakeConnection]:
    opened: list[FakeConnection] = []

    def connected(url: str, **options: Any) -> FakeConnection:
        assert url == URL
        assert options == {"answer_timeout_s": 3.0, "application_name": "riskstream test"}
        opened.append(FakeConnection())
        return opened[-1]

    monkeypatch.setattr(connections, "connected", connected)
    return opened


def owner() -> OwnConnection:
    return OwnConnection(URL, answer_timeout_s=3.0, application_name="riskstream test")


def test_one_connection_serves_every_question_until_it_is_closed(
    made: list[FakeConnection],
) -> None:
    with owner() as record:
        assert made == [], "nothing was asked yet"
        for _ in range(2):
            with record._answering() as connection:
                assert connection is made[0]
                assert connection.autocommit
    assert [each.is_closed for each in made] == [True]


def test_a_failure_closes_the_connection_and_the_next_question_has_a_new_one(
    made: list[FakeConnection],
) -> None:
    record = owner()
    with pytest.raises(StoreUnavailableError, match="does not answer: gone"), record._answering():
        raise psycopg.OperationalError("gone")
    assert made[0].is_closed
    with record._answering() as connection:
        assert connection is made[1]


def test_an_error_of_ones_own_keeps_the_connection(made: list[FakeConnection]) -> None:
    record = owner()
    with pytest.raises(ValueError, match="ours"), record._answering():
        raise ValueError("ours")
    assert not made[0].is_closed


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    record = OwnConnection(URL, answer_timeout_s=3.0)
    with pytest.raises(StoreUnavailableError) as raised, record._answering():
        pass
    assert "secret" not in str(raised.value)
