"""The seam of alerts: record and fake are met by the same methods."""

from __future__ import annotations

import inspect

import pytest

from system.store.alerts.news import Alerts, News
from system.store.alerts.record import AlertRecord
from system.store.alerts.record_fake import MemoryAlerts


@pytest.mark.parametrize("kind", [AlertRecord, MemoryAlerts])
def test_record_and_fake_have_every_method_of_the_protocol(kind):
    for name, method in inspect.getmembers(Alerts, inspect.isfunction):
        if not name.startswith("_"):
            theirs = inspect.signature(getattr(kind, name))
            assert list(theirs.parameters) == list(inspect.signature(method).parameters)


def test_no_news_are_nothing():
    assert News() == News(frozenset(), [], [], [], [])
