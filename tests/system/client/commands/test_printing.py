"""An answer is printed for a person, or as the API's own JSON."""

from __future__ import annotations

import json

import msgspec

from system.client.commands.printing import print_answer
from system.contracts.warm_up import WarmUpProgress

ANSWER = WarmUpProgress(batches=2, bound_s=60.0)


def test_json_holds_every_field_of_the_answer_and_nothing_else(capsys):
    shown: list[msgspec.Struct] = []
    print_answer(ANSWER, shown.append, as_json=True)
    assert json.loads(capsys.readouterr().out) == msgspec.to_builtins(ANSWER)
    assert shown == []


def test_a_person_sees_what_the_command_shows(capsys):
    shown: list[msgspec.Struct] = []
    print_answer(ANSWER, shown.append, as_json=False)
    assert shown == [ANSWER]
    assert capsys.readouterr().out == ""
