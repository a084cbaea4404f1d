"""Instruments as a scenario lists them: options, and shares with a short history or a proxy."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import msgspec

from system.contracts.currencies import EUR
from system.contracts.messages import AssetClass, Instrument, OptionTerms, Portfolio
from system.simulate.market import CloseSeries, Market
from validation.references.minor_units import in_major
from validation.scenarios.file.format import ListedTable, OptionTable
from validation.scenarios.file.parser import Scenario

CASH: Final = "cash:"


def listed_market(scenario: Scenario, market: Market, first_day: dt.date) -> Market:
    """Return a market in which some instruments have a short history, or a proxy.

    Parameters
    ----------
    scenario : Scenario
        Its ``[[instrument]]`` tables.
    market : Market
        As it would be.
    first_day : date
        The first one that is played: histories are cut before it.

    Raises
    ------
    ScenarioError
        If an instrument or a proxy is not in the market.
    """
    tables = scenario.file.instrument
    for place, table in enumerate(tables):
        for key, name in (("id", table.id), ("proxy", table.proxy)):
            if name is not None and name not in market.instruments:
                known = ", ".join(sorted(market.instruments))
                path = ("instrument", place, key)
                raise scenario.error(path, f"{name!r} is not there; allowed: {known}")
    listed = {table.id: table for table in tables}
    return replace(
        market,
        instruments={
            name: _with_proxy(one, listed.get(name)) for name, one in market.instruments.items()
        },
        series={
            name: _shortened(one, listed.get(name), first_day)
            for name, one in market.series.items()
        },
    )


def listed_options(
    scenario: Scenario, instruments: Mapping[str, Instrument], days: Sequence[dt.date]
) -> tuple[Instrument, ...]:
    """Return the options of a scenario, each on an instrument that is quoted.

    Parameters
    ----------
    scenario : Scenario
        Its ``[[option]]`` tables.
    instruments : mapping of str to Instrument
        What is quoted, by id.
    days : sequence of date
        That are played.

    Raises
    ------
    ScenarioError
        If an underlying is not there, a name stands twice, or the last day is not played.
    """
    found: dict[str, Instrument] = {}
    for place, table in enumerate(scenario.file.option):
        if table.underlying not in instruments:
            known = ", ".join(sorted(instruments))
            path = ("option", place, "underlying")
            raise scenario.error(path, f"{table.underlying!r} is not there; allowed: {known}")
        if table.id in found or table.id in instruments:
            raise scenario.error(("option", place, "id"), f"{table.id!r} stands twice")
        if table.last_day > len(days):
            path = ("option", place, "last_day")
            raise scenario.error(path, f"{table.last_day}: the scenario has {len(days)} days")
        found[table.id] = _option(table, instruments[table.underlying], days[table.last_day - 1])
    return tuple(found.values())


def unquoted_currencies(
    book: Portfolio, instruments: Mapping[str, Instrument], quoted: Sequence[str]
) -> tuple[str, ...]:
    """Return the currencies that a book needs rates of and the market does not quote.

    A book whose holdings are all in its base currency needs none; else that of each
    holding and the base currency, but for the euro, which rates are quoted against.
    """
    held = {
        currency
        for position in book.positions
        if (currency := _currency(position.instrument, instruments)) is not None
    }
    foreign = {in_major(currency)[0] for currency in held} - {book.base_currency}
    needed = foreign | {book.base_currency} if foreign else set()
    return tuple(sorted(needed - {EUR, *quoted}))


def _currency(name: str, instruments: Mapping[str, Instrument]) -> str | None:
    if name.startswith(CASH):
        return name.removeprefix(CASH)
    return instruments[name].currency if name in instruments else None


def _option(table: OptionTable, underlying: Instrument, expiry: dt.date) -> Instrument:
    return Instrument(
        instrument=table.id,
        asset_class=AssetClass.OPTION,
        currency=underlying.currency,
        multiplier=table.multiplier,
        option=OptionTerms(
            underlying=table.underlying,
            right=table.right,
            strike=table.strike,
            expiry=expiry,
            volatility=table.volatility,
            rate=table.rate,
        ),
    )


def _with_proxy(instrument: Instrument, table: ListedTable | None) -> Instrument:
    if table is None or table.proxy is None:
        return instrument
    return msgspec.structs.replace(instrument, proxy=table.proxy)


def _shortened(series: CloseSeries, table: ListedTable | None, first_day: dt.date) -> CloseSeries:
    if table is None or table.closes is None:
        return series
    before = [day for day in series.dates if day < first_day]
    begins = before[-table.closes :][0] if before else first_day
    return replace(
        series, closes={day: close for day, close in series.closes.items() if day >= begins}
    )
