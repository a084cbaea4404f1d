import signal

import pytest

from system.exits import ExitCode
from system.simulate.__main__ import main

WINDOW = ["--from", "2020-02-03", "--to", "2020-02-07"]


@pytest.fixture(autouse=True)
def own_handlers(monkeypatch, tmp_path):
    monkeypatch.setenv("RISKSTREAM_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["replay", *WINDOW, "--instruments", "TSLA"], "instrument TSLA is not in"),
        (["replay", *WINDOW, "--currencies", "XXX"], "currency XXX is not in"),
        (["replay", "--from", "2031-01-01", "--to", "2031-02-01"], "no trading day between"),
        (["replay", *WINDOW, "--ticks-per-second", "10"], "needs --seconds-per-day"),
        (["replay", *WINDOW, "--ticks-per-day", "0"], "ticks_per_day 0"),
        (["replay", *WINDOW, "--market", "simulated", "--correlation", "2"], "correlation 2.0"),
        (["replay", *WINDOW, "--market", "simulated", "--volatility", "-1"], "volatility"),
        (["replay", "--from", "2020-02-07", "--to", "2020-02-03"], "no trading day between"),
    ],
)
def test_wrong_input_is_named_before_any_server_is_asked(arguments, said, capfd):
    assert main(arguments) == ExitCode.WRONG_INPUT
    out, err = capfd.readouterr()
    assert said in err
    assert len(err.splitlines()) == 1
    assert out == ""


def test_without_a_running_stack_it_says_how_to_start_one(capfd):
    assert main(["reference", *WINDOW]) == ExitCode.UNAVAILABLE
    assert "riskstream up" in capfd.readouterr().err


def test_a_missing_wheel_says_what_to_run(monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("RISKSTREAM_CACHE_DIR", str(tmp_path))
    assert main(["reference", *WINDOW]) == ExitCode.WRONG_INPUT
    assert "make setup" in capfd.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["replay", *WINDOW, "--ticks-per-second", "1", "--ticks-per-day", "1"],
        ["replay", "--from", "yesterday", "--to", "2020-02-03"],
        ["dance", *WINDOW],
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused(arguments):
    with pytest.raises(SystemExit):
        main(arguments)
