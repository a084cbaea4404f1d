"""Measurement from outside the pipeline: record first, judge later."""
