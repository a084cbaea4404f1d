"""Acknowledging what is raised, on the page: who has seen it, and what they say."""

from __future__ import annotations

import streamlit as st

from system.contracts.limits import Acknowledgement, LimitMeasure
from system.contracts.messages import RiskSnapshot
from system.show.panels.answers import answered
from system.show.panels.plain import plain
from system.show.server.runtime import current
from system.show.view.limits import NAMES, raised_measures


def draw_acknowledgement(portfolio: str) -> None:
    """Draw the form for the chosen portfolio; the panel beside it shows what is raised."""
    live = current()
    names = live.desk.portfolios()
    chosen = portfolio or (names[0] if names else "")
    snapshot = live.desk.snapshot(chosen)
    if snapshot is None or not snapshot.limits:
        return
    with st.expander(f"Acknowledge a limit, {plain(chosen)}"):
        with st.form("acknowledge", border=False):
            measure = st.selectbox("Limit", _raised_first(snapshot), format_func=_name)
            actor = st.text_input("Seen by", max_chars=100)
            note = st.text_input("Note", max_chars=1_000)
            sent = st.form_submit_button("Acknowledge", width="stretch")
        if sent and not actor.strip():
            st.error("Seen by: say who has seen it")
        elif sent and measure is not None:
            row = answered(
                lambda client: client.acknowledge_limit(chosen, measure, _said(actor, note))
            )
            if row is not None:
                st.success(f"{NAMES[row.measure]}, {row.after}: seen by {plain(row.actor)}")


def _said(actor: str, note: str) -> Acknowledgement:
    return Acknowledgement(actor=actor.strip(), note=note)


def _raised_first(snapshot: RiskSnapshot) -> list[LimitMeasure]:
    raised = list(raised_measures(snapshot))
    return raised + [use.measure for use in snapshot.limits if use.measure not in raised]


def _name(measure: LimitMeasure) -> str:
    return NAMES[measure]
