"""Answers of the API on a page: asked with its token, drawn by the panels, refusals in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
import streamlit as st

from system.client.errors import ApiRefusedError
from system.client.sync_client import RiskClient
from system.errors import RiskstreamError
from system.show.panels.plain import plain
from system.show.panels.renderer import Panel, panel
from system.show.server.runtime import current
from system.show.sheets.contents import Content

T = TypeVar("T")


def answered(ask: Callable[[RiskClient], T]) -> T | None:
    """Return the API's answer; where there is none, say why on the page."""
    try:
        where = current().connections()
        with RiskClient(where.api_url, where.api_token) as client:
            return ask(client)
    except ApiRefusedError as error:
        st.error(plain(refusal_words(error)))
    except RiskstreamError as error:
        st.error(plain(str(error)))
    return None


def refusal_words(error: ApiRefusedError) -> str:
    """Return why the API refused, with each field that is wrong."""
    problem = error.problem
    return "; ".join([problem.detail, *(f"{item.field}: {item.detail}" for item in problem.errors)])


def content_panel(which: Panel, content: Content, *, name: str = "") -> None:
    """Mount a panel that draws what it is given here, and not the push.

    Parameters
    ----------
    which : Panel
        The kind that draws such contents.
    content : Content
        Texts and numbers.
    name : str
        Tells several panels of one kind apart on a page.
    """
    panel(which, content=msgspec.to_builtins(content), name=name)
