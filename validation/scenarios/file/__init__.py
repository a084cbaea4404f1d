"""Scenario files: their format, the parser, and errors with file, line, key and value."""
