"""Spark as the stream uses it: session, query, checkpoints and class archive."""
