"""Releases: version, changelog, tag."""
