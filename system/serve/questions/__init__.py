"""Answers to questions over the book of a stored snapshot; pure."""
