"""Examples: each is its own message once it is written and read, under the key that is stated."""

from __future__ import annotations

import pytest

from system.contracts.codec import decode, encode
from system.contracts.topics import message_key
from validation.documents.message_examples import EXAMPLES, KEYS


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_an_example_comes_back_and_has_the_key_that_is_stated(kind) -> None:
    message = EXAMPLES[kind]
    assert decode(encode(message), kind) == message
    fields = {name: getattr(message, name) for name in message.__struct_fields__}
    assert KEYS[kind].format(**fields) == message_key(message)
