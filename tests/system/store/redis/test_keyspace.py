"""Keys and bounds of Redis: none collides with another, and bounds fit together."""

from __future__ import annotations

from system.store.redis import keyspace

PREFIX = "riskstream:"


def keys() -> dict[str, str]:
    return {
        name: value
        for name, value in vars(keyspace).items()
        if isinstance(value, str) and name.isupper() and value.startswith(PREFIX)
    }


def test_every_key_has_the_prefix_of_the_product_and_no_two_are_the_same() -> None:
    values = list(keys().values())
    assert len(values) > 5
    assert len(set(values)) == len(values)


def test_every_key_is_described_in_the_table_of_the_module() -> None:
    described = keyspace.__doc__ or ""
    for name, value in keys().items():
        assert value in described, name


def test_a_question_ends_within_the_bound_of_its_attempts() -> None:
    assert keyspace.CONNECT_TIMEOUT_S < keyspace.ANSWER_BOUND_S < keyspace.REPLY_TIMEOUT_S
    assert keyspace.BACKOFF_BASE_S < keyspace.BACKOFF_MAX_S
    assert keyspace.BLOCK_MS_MAX / 1_000 < keyspace.REPLY_TIMEOUT_S


def test_a_beat_expires_after_the_greatest_age_that_it_may_have_on_arrival() -> None:
    assert keyspace.BEAT_AGE_MS < keyspace.HEARTBEAT_EXPIRY_MS


def test_a_fence_is_exact_in_the_doubles_of_a_script() -> None:
    assert float(keyspace.MAX_FENCE) == keyspace.MAX_FENCE
    assert float(keyspace.MAX_FENCE + 1) != float(keyspace.MAX_FENCE)
