"""Edits of the timeline: pure transformations of days into days."""
