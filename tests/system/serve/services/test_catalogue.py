"""Names that may be traded: read once, remembered, and refused with those that are known."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from system.book.state.rows import PortfolioState
from system.contracts.messages import PRICE_MIN, Instrument, Portfolio, ReturnType
from system.serve.http.errors import (
    InvalidRequestError,
    UnknownInstrumentError,
    UnknownPortfolioError,
)
from system.serve.services.catalogue import Catalogue
from system.serve.services.connections import Services
from system.serve.services.hub import SnapshotHub


@pytest.fixture
def catalogue(trading: Any) -> Catalogue:
    reader = trading.latest.reader()
    return Catalogue(Services(reader, trading.history, trading.bus, SnapshotHub(reader), "t"))


def test_known_names_are_read_once(
    catalogue: Catalogue, trading: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    anyio.run(catalogue.check, "alpha", "EQ000")

    def unread(_: object) -> None:
        pytest.fail("a name that is known is read again")

    monkeypatch.setattr(trading.history, "state_values", unread)
    anyio.run(catalogue.check, "alpha", "EQ000")
    anyio.run(catalogue.check, "alpha", "cash:USD")


def test_what_was_just_sent_is_known_at_once(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownPortfolioError, match="known: alpha"):
        anyio.run(catalogue.check, "beta", "EQ000")
    catalogue.remember("beta", ["NEW"])
    anyio.run(catalogue.check, "beta", "NEW")
    assert anyio.run(catalogue.imported) == ["alpha", "beta"]


def test_an_instrument_without_reference_data_is_refused(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownInstrumentError, match="'X' has no reference data"):
        anyio.run(catalogue.check, "alpha", "X")


def test_a_portfolio_without_a_snapshot_is_told_from_an_unknown_one(
    catalogue: Catalogue,
) -> None:
    imported = anyio.run(catalogue.unknown_portfolio, "alpha")
    assert "is imported and has no snapshot yet" in str(imported)
    unknown = anyio.run(catalogue.unknown_portfolio, "nobody")
    assert unknown.known == ("alpha",)


def test_only_an_instrument_of_absolute_returns_has_a_price_near_zero(
    catalogue: Catalogue, trading: Any
) -> None:
    anyio.run(catalogue.check_price, "EQ000", PRICE_MIN)
    with pytest.raises(InvalidRequestError, match=r"price: -37\.63: EQ000 needs at least"):
        anyio.run(catalogue.check_price, "EQ000", -37.63)
    trading.know(
        instrument__CL=Instrument(
            instrument="CL",
            asset_class="future",
            currency="USD",
            return_type=ReturnType.ABSOLUTE,
        ),
        portfolio__beta=PortfolioState(definition=Portfolio(portfolio="beta")),
    )
    anyio.run(catalogue.check_price, "CL", -37.63)
    anyio.run(catalogue.check_portfolio, "beta")
