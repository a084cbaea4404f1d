"""``riskstream explain-change``: each input, and both ends."""

from __future__ import annotations

from system.contracts.api.questions import ChangeStep, VarChange, VarStep
from tests.system.client.commands.played_api import Api, run


def test_an_explained_change_shows_each_input_and_both_ends(api: Api) -> None:
    steps = (
        VarStep(step=ChangeStep.POSITIONS, changed=True, var=1_200.0, change=200.0),
        VarStep(step=ChangeStep.CORPORATE_ACTIONS, changed=False, var=1_200.0, change=0.0),
        VarStep(
            step=ChangeStep.WINDOW,
            changed=True,
            var=None,
            change=None,
            not_available="4 closes are too few",
        ),
        VarStep(step=ChangeStep.SETTINGS, changed=True, var=1_150.0, change=None),
    )
    api.answer = VarChange(
        portfolio="alpha",
        from_id="alpha-eod-2020-03-13",
        to_id="alpha-1-7",
        from_time_ns=1,
        to_time_ns=2,
        base_currency="USD",
        var_before=1_000.0,
        var_after=1_150.0,
        change=150.0,
        steps=steps,
    )
    result = run("explain-change", "alpha", "--from", "alpha-eod-2020-03-13")
    assert result.exit_code == 0, result.output
    assert api.asked[0][0] == "/v1/portfolios/alpha/var/change?from=alpha-eod-2020-03-13"
    shown = " ".join(result.output.split())
    for told in ("+200.00", "corporate actions", "unchanged", "too few", "+150.00", "alpha-1-7"):
        assert told in shown
