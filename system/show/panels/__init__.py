"""Panels of the dashboard as Streamlit components."""
