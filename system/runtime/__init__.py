"""The embedded stack: finds or starts every server, watches them, stops them all."""
