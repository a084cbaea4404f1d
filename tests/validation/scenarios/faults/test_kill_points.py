"""Requests of a driver, found in the bytes that its clients send."""

import hashlib
import struct

import pytest

from system.store.redis import keyspace
from validation.scenarios.faults.kill_points import POINTS


def parse(text: bytes, name: bytes = b"") -> bytes:
    """Return PostgreSQL's Parse message of a statement."""
    body = name + b"\0" + text + b"\0" + struct.pack("!H", 0)
    return b"P" + struct.pack("!I", 4 + len(body)) + body


@pytest.mark.parametrize("point", ["begin", "commit"])
def test_a_statement_begins_at_its_parse_message(point):
    finder = POINTS[point].finder
    insert = parse(b"INSERT INTO x VALUES (1) -- " + point.upper().encode(), b"_pg3_1")
    piece = insert + parse(point.upper().encode())
    assert finder(piece) == len(insert)
    assert finder(insert) is None


def test_a_script_is_known_by_the_digest_that_redis_knows_it_by():
    digest = hashlib.sha1(keyspace.PUBLISH.encode(), usedforsecurity=False).hexdigest().encode()
    call = b"*3\r\n$7\r\nEVALSHA\r\n$40\r\n" + digest
    assert POINTS["publish"].finder(call) == 0
    assert POINTS["mark_durable"].finder(call) is None


def test_an_announcement_is_a_produce_request_and_no_question_about_the_topic():
    def framed(key: int) -> bytes:
        body = struct.pack("!hh", key, 7) + b"riskstream risk_snapshots"
        return struct.pack("!I", len(body)) + body

    assert POINTS["announce"].finder(framed(0)) == 0
    assert POINTS["announce"].finder(framed(3)) is None
