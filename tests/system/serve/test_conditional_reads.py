"""Reads that the client has already, snapshots that never change, and compressed answers."""

from __future__ import annotations

from typing import Any

from system.store.sample_snapshots import sample_snapshot


def test_an_answer_that_the_client_has_is_not_sent_again(world: Any) -> None:
    world.publish(sample_snapshot())
    path = "/v1/portfolios/alpha/var"
    answered = world.client.get(path)
    assert answered.headers["cache-control"] == "private, no-cache"
    known = {"If-None-Match": answered.headers["etag"]}
    again = world.client.get(path, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    world.publish(sample_snapshot(epoch=1))
    assert world.client.get(path, headers=known).status_code == 200


def test_a_snapshot_by_its_id_may_be_kept_for_ever_and_a_refusal_not_at_all(world: Any) -> None:
    world.publish(sample_snapshot())
    answered = world.client.get("/v1/snapshots/alpha-1-0")
    assert "immutable" in answered.headers["cache-control"]
    known = {"If-None-Match": answered.headers["etag"]}
    assert world.client.get("/v1/snapshots/alpha-1-0", headers=known).status_code == 304
    refusal = world.client.get("/v1/snapshots/none")
    assert refusal.headers["cache-control"] == "no-store"
    assert "etag" not in refusal.headers


def test_large_answers_are_compressed_where_the_client_takes_that(world: Any) -> None:
    world.publish(sample_snapshot(position_count=100))
    path = "/v1/portfolios/alpha/positions"
    zipped = world.client.get(path, headers={"Accept-Encoding": "gzip"})
    plain = world.client.get(path, headers={"Accept-Encoding": "identity"})
    assert zipped.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert zipped.json() == plain.json()
    assert zipped.headers["etag"] == plain.headers["etag"]
    assert int(zipped.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    small = world.client.get("/v1/days", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in small.headers
