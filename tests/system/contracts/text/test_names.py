"""Names may hold every character that can be seen, and nothing else; refusals are sentences."""

from __future__ import annotations

import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.contracts.codec import decode_topic, encode
from system.contracts.limits import Acknowledgement
from system.contracts.messages import OpeningPosition, Portfolio, Tick, Trade
from system.contracts.text.checked import Checked, TextError, field_and_detail, shown
from system.contracts.text.codes import checked_confidence, checked_exchange, checked_window_name
from system.contracts.text.names import (
    MAX_ID_LENGTH,
    Identifier,
    checked_actor,
    checked_label,
    checked_name,
    checked_note,
    visible,
)
from system.contracts.topics import MARKET_DATA, REFERENCE
from system.errors import InputError, MessageError
from tests.message_strategies import VENDORS_NAMES, identifiers

COMPOSED, DECOMPOSED = "ÅF B", unicodedata.normalize("NFD", "ÅF B")


def refusal(text: str) -> str:
    with pytest.raises(TextError) as caught:
        checked_name(text)
    return str(caught.value)


@pytest.mark.parametrize("name", [*VENDORS_NAMES, "A" * MAX_ID_LENGTH, "Ω", "株", "😀 growth"])
def test_a_name_is_kept_as_it_is_written(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is empty: a name has 1 to 64 visible characters"),
        ("A" * 65, "... (65 characters) is too long: at most 64 characters"),
        (" AAPL", "' AAPL' has a space at an end"),
        ("AAPL ", "'AAPL ' has a space at an end"),
        (" ", "' ' has a space at an end"),
        ("BRK  B", "'BRK  B' has two spaces in a row"),
        ("BRK\tB", "'BRK\\tB' holds U+0009 TAB, a control character, as character 4"),
        ("BRK\nB", "holds U+000A LINE FEED"),
        ("BRK\r", "holds U+000D CARRIAGE RETURN"),
        ("BRK\u0085B", "'BRK\\x85B' holds U+0085"),
        ("BRK\u2028B", "holds U+2028 LINE SEPARATOR, a line break"),
        ("A\x00", "holds U+0000 NUL"),
        ("A\x1b[31mB", "'A\\x1b[31mB' holds U+001B ESCAPE"),
        ("A\x9b31mB", "holds U+009B"),
        ("A\x7fB", "holds U+007F DELETE"),
        ("A\u202eLPAB", "'A\\u202eLPAB' holds U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("A\u2066B", "holds U+2066 LEFT-TO-RIGHT ISOLATE"),
        ("A\u200bB", "holds U+200B ZERO WIDTH SPACE, a character without a shape"),
        ("\ufeffAAPL", "holds U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("A\u00adB", "holds U+00AD SOFT HYPHEN"),
        ("A\u3164B", "holds U+3164 HANGUL FILLER"),
        ("A\ufe0f", "holds U+FE0F VARIATION SELECTOR-16"),
        ("A\u00a0B", "holds U+00A0 NO-BREAK SPACE, a blank that looks like a plain space"),
        ("A\ud800", "'A\\ud800' holds U+D800, half of a character"),
        ("A\ue000", "holds U+E000, a private character"),
        ("A\U000e0fff", "holds U+E0FFF, not a character of Unicode"),
        ("\u0301A", "begins with an accent that has no letter"),
    ],
)
def test_what_cannot_be_shown_is_refused_by_its_character(text: str, said: str) -> None:
    message = refusal(text)
    assert said in message
    assert message.isprintable()
    assert "regex" not in message


def test_two_spellings_of_one_name_are_one_name() -> None:
    assert DECOMPOSED != COMPOSED
    assert checked_name(DECOMPOSED) == COMPOSED
    assert (
        OpeningPosition(instrument=DECOMPOSED, quantity=1.0, entry_price=1.0).instrument == COMPOSED
    )
    tick = Tick(ticker=COMPOSED, bid=1, mid=1, ask=1, volume=0, event_time_ns=0, sequence=0)
    spelled = encode(tick).replace(COMPOSED.encode(), DECOMPOSED.encode())
    assert decode_topic(spelled, MARKET_DATA) == tick


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_answered_with_a_printable_sentence(text: str) -> None:
    try:
        kept = checked_name(text)
    except TextError as error:
        kept = str(error)
    else:
        assert kept == unicodedata.normalize("NFC", text)
        assert kept == " ".join(kept.split())
    assert kept.isprintable()


@given(identifiers)
def test_a_name_comes_back_from_the_wire_as_it_is_kept(name: str) -> None:
    book = Portfolio(portfolio=name, desk=name, name=name)
    assert decode_topic(encode(book), REFERENCE) == book
    assert checked_name(checked_name(name)) == name


def test_the_place_of_a_name_within_a_message_is_named() -> None:
    book = {
        "type": "portfolio",
        "portfolio": "P",
        "positions": [{"instrument": "A\u202eB", "quantity": 1, "entry_price": 1}],
    }
    with pytest.raises(MessageError) as caught:
        decode_topic(msgspec.json.encode(book), REFERENCE)
    field, detail = field_and_detail(caught.value.detail)
    assert field == "positions[0].instrument"
    assert detail.startswith("'A\\u202eB' holds U+202E")


def test_a_message_that_is_made_with_a_wrong_name_is_an_error_for_users() -> None:
    with pytest.raises(InputError, match="portfolio: 'a  b' has two spaces in a row"):
        Trade(trade_id="t", portfolio="a  b", instrument="A", quantity=1.0, price=1.0)


def test_a_label_may_be_empty_and_longer_than_a_name() -> None:
    assert checked_label("") == ""
    assert checked_label("A" * 200) == "A" * 200
    with pytest.raises(TextError, match="at most 200"):
        checked_label("A" * 201)
    with pytest.raises(TextError, match="ESCAPE"):
        checked_label("a\x1bb")


@pytest.mark.parametrize(
    "note",
    ["", "approved by [risk committee]", "moved to [/eq]", "a\n\tb", " ", "❤️ 👩‍💻", "3\u00a0%"],
)
def test_a_note_is_any_visible_text_with_line_breaks(note: str) -> None:
    assert checked_note(note) == note
    assert Acknowledgement(actor="R. Desk", note=note).note == note


@pytest.mark.parametrize(
    "note",
    ["\x1b[2J", "\x9b2J", "a\rb", "a\u2028b", "\x1b]0;title\x07", "a\u202eb", "a\x00", "x" * 1_001],
)
def test_a_note_that_drives_a_terminal_is_refused(note: str) -> None:
    with pytest.raises(TextError) as caught:
        checked_note(note)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("actor", ["", " R", "R ", "a\x1b", "a\x9b", "a\u2067b", "x" * 101])
def test_an_actor_is_one_visible_line(actor: str) -> None:
    with pytest.raises(TextError):
        checked_actor(actor)


@pytest.mark.parametrize("text", ["a\x1b[2Jb", "\x9b", "a\r\nb", "a\u202eb", "\ud800"])
def test_what_is_printed_never_drives_a_terminal(text: str) -> None:
    assert all(letter.isprintable() or letter == "\n" for letter in visible(text))


def test_lines_from_windows_end_as_others_do() -> None:
    assert checked_note("a\r\nb") == "a\nb"


@given(identifiers)
def test_a_name_is_printed_as_it_is(name: str) -> None:
    assert visible(name) == name


def test_a_long_value_is_cut_where_it_is_shown() -> None:
    assert shown("x" * 1_000) == f"'{'x' * 40}'... (1000 characters)"


@pytest.mark.parametrize("code", ["XNYS", "xnys", "XnAs", "360T"])
def test_an_exchange_is_kept_in_capitals(code: str) -> None:
    assert checked_exchange(code) == code.upper()


@pytest.mark.parametrize("code", ["", "NYS", "NASDAQ", "X-NY", "XNY\n", "XNYß"])
def test_what_is_no_market_identifier_code_says_what_is(code: str) -> None:
    with pytest.raises(TextError, match="such as XNYS, XNAS or XLON"):
        checked_exchange(code)


@pytest.mark.parametrize("text", ["0.95\n", "95 %", "0,95", "1.0", "0.9999999"])
def test_what_is_no_confidence_says_how_one_is_written(text: str) -> None:
    with pytest.raises(TextError, match=r"such as 0\.95"):
        checked_confidence(text)


def test_a_window_has_no_colon_in_its_name() -> None:
    with pytest.raises(TextError, match="'a:b' is no name of a stressed window"):
        checked_window_name("a:b")


class _Lists(Checked, frozen=True):
    names: tuple[Identifier, ...] = ()
    sizes: dict[Identifier, int] | None = None


def test_names_in_lists_and_tables_follow_the_rule_too() -> None:
    with pytest.raises(TextError, match=r"names\[1\]: ' b' has a space at an end"):
        _Lists(names=("a", " b"))
    with pytest.raises(TextError, match="sizes: '' is empty"):
        _Lists(sizes={"": 1})
    assert _Lists(sizes={DECOMPOSED: 1}).sizes == {COMPOSED: 1}
