"""Sentences about the fields of messages: meaning, unit and sign, for generated documents."""
