"""Scenario files: read strictly, replayed through the real pipeline, judged afterwards."""
